"""Modules come into the home over HTTP, the simulated one over its own protocol, and leave it again."""

import asyncio
import dataclasses
import secrets

import pytest
from api_lab.client import problem
from api_lab.modules import CODE, KEY, Modules, accept, until

from bridge.access.role import Role
from bridge.poller import Source
from bridge.registration.desk import RegistrationDesk
from bridge.registration.membership import Memberships
from bridge.registration.pending import LIFETIME, MOST_WRONG_CODES
from clusters.descriptor import DescriptorServer
from hw.module import ModuleKind
from hw.ores import pairing
from hw.simulator.ores_client import HubError
from hw.simulator.ores_device import OresDevice
from hw.simulator.ores_keys import ModuleKeys
from matter_node.storage import MemoryStorage

PATH = "/device/register"


# ---------------------------------------------------------------------- modules that speak of themselves


async def test_a_module_is_let_in_by_its_labels_code_and_is_a_matter_endpoint_at_once(house, modules):
    hub, owner = house.hub, house.owner()
    hub.matter.faces.start()
    client, _ = modules.start()
    asked = await modules.asked(owner)
    assert (asked["module"], asked["state"], asked["kind"]) == (KEY, "pending", "microinverter")
    assert asked["ski"] == client.keys.ski.hex()
    assert not asked["replaces"]
    began = asyncio.get_running_loop().time()
    answer = await accept(owner, asked, proof="code", code="k7qd-2mxf-4rtv-w9yz", name="Roof", room="Attic")
    assert (answer.status, (await answer.json())["state"]) == (200, "active")
    number = hub.registry.endpoints.number(KEY, "energy")
    assert number in hub.matter.node.tree.endpoints
    assert number in hub.matter.node.tree.endpoints[1].cluster(DescriptorServer).parts_list
    assert asyncio.get_running_loop().time() - began < 2
    await until(lambda: hub.registry[KEY].reachable)
    (shown,) = (await (await owner.get(PATH)).json())["modules"]
    assert (shown["name"], shown["room"], shown["state"], shown["credential"]) == (
        "Roof",
        "Attic",
        "active",
        "certificate",
    )
    assert shown["endpoint"] == number
    assert shown["proof"] == "code"
    assert hub.registry[KEY].reading.power_w < 0
    noted = [(deed.actor, deed.action) for deed in await house.audited(50)]
    assert ("module/" + KEY, "registration asked for") in noted
    assert ("user/anna", "registration active") in noted


async def test_a_wrong_code_lets_nobody_in_and_five_end_the_request(house, modules):
    owner = house.owner()
    modules.start()
    asked = await modules.asked(owner)
    answer = await accept(owner, asked, proof="code", code="too-short")
    assert (answer.status, await problem(answer)) == (422, "invalid")
    for _ in range(5):
        answer = await accept(owner, asked, proof="code", code="0000000000000000")
        assert (answer.status, await problem(answer)) == (403, "wrong-proof")
    answer = await accept(owner, asked, proof="code", code=CODE)
    assert (answer.status, await problem(answer)) == (404, "unknown-registration")
    assert len(house.hub.registry) == 0


async def test_a_hub_that_does_not_know_the_code_is_not_believed_by_the_module(house, modules, monkeypatch):
    owner = house.owner()
    client, task = modules.start()
    asked = await modules.asked(owner)
    collect = RegistrationDesk.collect

    def by_someone_in_between(*arguments):
        granted = collect(*arguments)
        return granted and dataclasses.replace(granted, proof=bytes(32))

    monkeypatch.setattr(RegistrationDesk, "collect", by_someone_in_between)
    assert (await accept(owner, asked, proof="code", code=CODE)).status == 200
    with pytest.raises(HubError, match="does not know the code"):
        await task
    assert not client.keys.known


@pytest.mark.parametrize("first", ["person", "button"])
async def test_a_module_is_let_in_by_its_button_whichever_comes_first(house, modules, first):
    owner = house.owner()
    client, _ = modules.start(code="")
    asked = await modules.asked(owner)
    assert asked["proofs"] == ["button", "compare"]
    if first == "button":
        client.press()
        await until(lambda: not client._pressed.is_set())  # it was told
    answer = await accept(owner, asked, proof="button")
    assert (await answer.json())["state"] == ("active" if first == "button" else "pending")
    if first == "person":
        assert KEY not in house.hub.registry
        client.press()
    await until(lambda: KEY in house.hub.registry and house.hub.registry[KEY].reachable)


async def test_a_press_of_the_button_counts_for_half_a_minute(house, modules):
    owner = house.owner()
    client, _ = modules.start(code="")
    asked = await modules.asked(owner)
    assert (await (await accept(owner, asked, proof="button")).json())["state"] == "pending"
    house.clock.ahead += 31
    client.press()
    await until(lambda: not client._pressed.is_set())  # it was told
    await asyncio.sleep(0.3)
    assert KEY not in house.hub.registry
    late = await accept(owner, asked, proof="button")  # the press was a second ago
    assert (await late.json())["state"] == "active"


async def test_module_and_person_see_the_same_digits(house, modules):
    owner = house.owner()
    client, _ = modules.start(code="")
    asked = await modules.asked(owner)
    assert asked["digits"] == client.digits
    assert len(client.digits) == 6
    assert (await accept(owner, asked, proof="compare")).status == 200
    await until(lambda: house.hub.registry[KEY].reachable)


async def test_a_module_without_a_key_gets_a_token_that_is_stored_as_a_hash(house, modules):
    client = await modules.join(certificate=False)
    token = client.keys.token
    assert token.startswith("ores_m_")
    stored = [value for _, value in house.hub.storage.scan("")]
    assert not any(token.encode() in value for value in stored)
    (shown,) = (await (await house.owner().get(PATH)).json())["modules"]
    assert (shown["credential"], shown["ski"]) == ("token", None)


async def test_a_module_renews_its_certificate_and_both_are_good_until_the_new_one_is_shown(house, modules):
    client = await modules.join()
    before = client.keys.serial_number()
    old = client.keys.trusting()
    await client.renew()
    assert client.keys.serial_number() != before
    body = {"boot": "ab", "messages": []}
    for context in (old, client.keys.trusting()):
        answer = await client._post("/hub/communicate", {**body, "messages": [client._hello()]}, context)
        assert answer["messages"][0]["type"] == "welcome"


async def test_a_certificate_is_renewed_for_the_same_key_only(house, modules, tmp_path):
    client = await modules.join()
    other = ModuleKeys(tmp_path / "other")
    body = {"step": "renew", "certificate_request": other.certificate_request()}
    with pytest.raises(HubError, match="another one"):
        await client._post(PATH, body, client.keys.trusting())


async def test_a_module_that_lost_its_certificate_is_let_in_by_its_key(house, modules):
    client = await modules.join()
    for task in modules.tasks:
        task.cancel()
    await asyncio.gather(*modules.tasks, return_exceptions=True)
    (client.keys._certificate).unlink()
    again = modules.make()
    await asyncio.wait_for(again.pair(), 10)
    assert again.keys.known
    assert (await (await house.owner().get(PATH)).json())["registrations"] == []


async def test_another_key_for_a_known_module_needs_a_person_and_takes_nothing_away_before(house, modules):
    owner = house.owner()
    client = await modules.join(owner)
    impostor, task = modules.start(folder="impostor")
    asked = await modules.asked(owner)
    assert asked["replaces"]
    welcomed = client.welcomed
    answer = await owner.delete(PATH, params={"registration": asked["registration"]})
    assert (await answer.json()) == {"module": KEY, "state": "candidate"}
    with pytest.raises(HubError, match="ask anew"):
        await task
    assert not impostor.keys.known
    assert house.hub.registry[KEY].reachable
    assert client.welcomed == welcomed


async def test_a_person_can_let_the_other_key_take_the_place_of_the_first(house, modules):
    owner = house.owner()
    client = await modules.join(owner)
    replacement, _ = modules.start(folder="replacement")
    asked = await modules.asked(owner)
    assert (await accept(owner, asked, proof="code", code=CODE)).status == 200
    await until(lambda: replacement.welcomed)
    with pytest.raises(HubError):
        await client._post("/hub/communicate", {"boot": "ab", "messages": []}, client.keys.trusting())


async def test_a_number_that_was_not_committed_to_ends_the_request(house):
    client = house.client()
    asked = await client.post(PATH, json=request())
    assert asked.status == 200
    answer = await asked.json()
    reveal = {"step": "reveal", "registration": answer["registration"], "ticket": answer["ticket"]}
    refused = await client.post(PATH, json={**reveal, "nonce": secrets.token_hex(16)})
    assert (refused.status, await problem(refused)) == (403, "wrong-proof")
    refused = await client.post(PATH, json={**reveal, "step": "collect"})
    assert (refused.status, await problem(refused)) == (404, "unknown-registration")


def request(serial="S000001", **more):
    commitment = pairing.commitment(bytes(16)).hex()
    description = OresDevice(ModuleKind.MICROINVERTER, serial).description()
    return {
        "step": "request",
        "description": description,
        "commitment": commitment,
        "proofs": ["compare"],
        **more,
    }


async def test_a_host_has_ten_attempts_a_minute(house):
    client = house.client()
    answers = [await client.post(PATH, json=request()) for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert await problem(answers[-1]) == "too-many-requests"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    house.clock.ahead += 61
    assert (await client.post(PATH, json=request())).status == 200


async def test_four_modules_of_a_host_may_ask_at_a_time(house):
    client = house.client()
    answers = [await client.post(PATH, json=request(f"S{number}")) for number in range(5)]
    assert [answer.status for answer in answers] == [200] * 4 + [429]


async def test_a_request_is_over_after_ten_minutes(house):
    client, owner = house.client(), house.owner()
    answer = await (await client.post(PATH, json=request())).json()
    house.clock.ahead += 601
    assert (await (await owner.get(PATH)).json())["registrations"] == []
    asked = {"step": "collect", "registration": answer["registration"], "ticket": answer["ticket"]}
    assert (await client.post(PATH, json=asked)).status == 404


@pytest.mark.parametrize(
    "more",
    [
        {"commitment": "00"},
        {"proofs": []},
        {"proofs": ["trust me"]},
        {"certificate_request": "-----BEGIN CERTIFICATE REQUEST-----"},
        {"description": {"vendor": "ORES", "model": "M", "serial": "---", "kind": "microinverter"}},
        {"description": {"vendor": "ORES", "model": "M", "serial": "7", "kind": "reactor"}},
        {"extra": 1},
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused_with_its_place(house, more):
    answer = await house.client().post(PATH, json=request(**more))
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert (await answer.json())["errors"]
    assert (await (await house.owner().get(PATH)).json())["registrations"] == []


async def test_a_module_that_another_driver_speaks_with_is_not_taken_over(house):
    house.add("1001")
    description = {"vendor": "ACME", "model": "Device", "serial": "1001", "kind": "microinverter"}
    answer = await house.client().post(PATH, json=request(description=description))
    assert (answer.status, await problem(answer)) == (409, "conflict")


async def test_registration_outlives_the_hub(make_house, tmp_path):
    storage = MemoryStorage()
    house = await make_house(storage)
    modules = Modules(house, tmp_path)
    await modules.join()
    number = house.hub.registry.endpoints.number(KEY, "energy")
    await modules.close()
    await house.hub.api.stop()
    again = await make_house(storage)
    assert again.hub.sources() == again.hub.sources([]) == [Source("ores", KEY)]
    again.hub.poller.start(again.hub.sources())
    later = Modules(again, tmp_path)
    later.start()
    await until(lambda: again.hub.registry[KEY].reachable)
    assert again.hub.registry.endpoints.number(KEY, "energy") == number
    assert Memberships(storage).get(KEY).proof == "code"
    await later.close()


async def restarted(make_house, house):
    """The hub again, with what it had on the disk and under the address that it had."""
    port = house.hub.api.port
    await house.hub.api.stop()
    return await make_house(house.hub.storage, port=port)


async def test_who_asks_and_whom_a_person_let_in_outlives_the_hub(make_house, tmp_path):
    house = await make_house(MemoryStorage())
    modules = Modules(house, tmp_path)
    modules.start()
    asked = await modules.asked()
    again = await restarted(make_house, house)
    (shown,) = (await (await again.owner().get(PATH)).json())["registrations"]
    assert shown == asked
    answer = await accept(again.owner(), asked, proof="code", code=CODE)
    assert answer.status == 200, await answer.text()
    await until(lambda: again.hub.registry[KEY].reading is not None)
    await modules.close()


async def test_what_was_wrong_and_how_long_it_waits_outlives_the_hub(make_house, tmp_path):
    house = await make_house(MemoryStorage())
    modules = Modules(house, tmp_path)
    modules.start()
    asked = await modules.asked()
    await modules.close()
    for _ in range(MOST_WRONG_CODES - 1):
        await accept(house.owner(), asked, proof="code", code="0" * 16)
    again = await restarted(make_house, house)
    answer = await accept(again.owner(), asked, proof="code", code="0" * 16)
    assert await problem(answer) == "wrong-proof"
    answer = await accept(again.owner(), asked, proof="code", code=CODE)
    assert await problem(answer) == "unknown-registration"
    assert not house.hub.storage.scan("registration/")


async def test_a_request_is_not_waited_for_any_longer_after_a_restart(make_house, tmp_path):
    house = await make_house(MemoryStorage())
    modules = Modules(house, tmp_path)
    modules.start()
    asked = await modules.asked()
    await modules.close()
    again = await make_house(house.hub.storage)
    again.clock.ahead += LIFETIME - 30
    (shown,) = (await (await again.owner().get(PATH)).json())["registrations"]
    assert shown["registration"] == asked["registration"]
    again.clock.ahead += 30
    assert (await (await again.owner().get(PATH)).json())["registrations"] == []
    assert not house.hub.storage.scan("registration/")


async def test_a_stored_request_that_cannot_be_read_is_dropped(make_house, caplog):
    storage = MemoryStorage()
    storage.put("registration/1", b'{"module": "x"}')
    house = await make_house(storage)
    assert (await (await house.owner().get(PATH)).json())["registrations"] == []
    assert "cannot be read and is dropped" in caplog.text


# ---------------------------------------------------------------------- who may


async def test_strangers_and_guests_register_change_and_remove_nothing(house):
    key, _ = house.add("1001")
    stranger = house.client()
    guest = house.client(house.user("gus", Role.GUEST))
    other, _ = house.add("1002")
    module = house.client(house.access.modules.issue_token(other))
    adopt = {"step": "adopt", "address": "127.0.0.1:9"}
    let_in = {"step": "accept", "registration": "x", "proof": "button"}
    for asker, status in ((stranger, 401), (guest, 403), (module, 403)):
        for body in (adopt, let_in):
            assert (await asker.post(PATH, json=body)).status == status
        assert (await asker.patch(PATH, json={"module": key, "name": "Mine"})).status == status
        assert (await asker.delete(PATH, params={"module": key})).status == status
    assert (await stranger.get(PATH)).status == 401
    assert (await (await guest.get(PATH)).json())["registrations"] == []
    assert key in house.hub.registry
    assert house.hub.registry[key].record.name != "Mine"


async def test_a_module_sees_itself_and_nobody_else(house):
    key, _ = house.add("1001")
    other, _ = house.add("1002")
    module = house.client(house.access.modules.issue_token(key))
    shown = await (await module.get(PATH)).json()
    assert [each["module"] for each in shown["modules"]] == [key]
    assert (await module.get(PATH, params={"module": other})).status == 403


async def test_a_request_from_outside_the_home_is_refused(house, monkeypatch):
    monkeypatch.setattr("bridge.api.endpoints.device_register.is_local", lambda _: False)
    answer = await house.client().post(PATH, json=request())
    assert (answer.status, await problem(answer)) == (403, "module-not-local")


async def test_a_ticket_is_its_holders_alone(house):
    client = house.client()
    answer = await (await client.post(PATH, json=request())).json()
    stolen = {"step": "collect", "registration": answer["registration"], "ticket": "guess"}
    refused = await client.post(PATH, json=stolen)
    assert (refused.status, await problem(refused)) == (404, "unknown-registration")
    assert answer["ticket"] not in await (await house.owner().get(PATH)).text()
