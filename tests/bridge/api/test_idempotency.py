import asyncio
import json

from api_lab.client import problem

from bridge.api import idempotency

CONTROL = "/microinverter/control"


def limit(key, percent=50):
    return {"module": key, "power_limit_percent": percent}


async def test_a_command_needs_a_key(house):
    key, _ = house.add()
    owner = house.owner()
    for headers in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "a b"}, {"Idempotency-Key": "x" * 65}):
        answer = await owner.post(CONTROL, json=limit(key), headers=headers)
        assert (answer.status, await problem(answer)) == (400, "idempotency-key-missing")
    assert house.hub.arbiter.live(key) == ()


async def test_a_command_that_is_sent_again_is_told_again_and_done_once(house):
    key, _ = house.add()
    owner, headers = house.owner(), {"Idempotency-Key": "once"}
    first = await owner.post(CONTROL, json=limit(key), headers=headers)
    again = await owner.post(CONTROL, json=limit(key), headers=headers)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status, await again.text()) == (first.status, await first.text())
    assert again.headers["Location"] == first.headers["Location"]
    assert len(house.hub.arbiter.live(key)) == 1
    assert [deed.action for deed in await house.audited()] == ["command", "POST /microinverter/control"]


async def test_a_refusal_is_told_again_too(house):
    key, _ = house.add(kinds=())
    owner, headers = house.owner(), {"Idempotency-Key": "once"}
    first = await owner.post(CONTROL, json=limit(key), headers=headers)
    again = await owner.post(CONTROL, json=limit(key), headers=headers)
    assert (first.status, again.status) == (409, 409)
    assert await first.text() == await again.text()


async def test_a_key_names_one_command_of_one_person(house):
    key, _ = house.add()
    headers = {"Idempotency-Key": "once"}
    assert (await house.owner().post(CONTROL, json=limit(key), headers=headers)).status == 202
    other = await house.owner().post(CONTROL, json=limit(key, 60), headers=headers)
    assert (other.status, await problem(other)) == (422, "idempotency-key-reused")
    ben = house.client(house.user("ben"))
    assert (await ben.post(CONTROL, json=limit(key, 60), headers=headers)).status == 202


async def test_the_same_key_at_the_same_time_is_one_command(house):
    key, _ = house.add()
    owner, headers = house.owner(), {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(owner.post(CONTROL, json=limit(key), headers=headers) for _ in range(8)))
    assert {(each.status, await each.text()) for each in answers} == {(202, await answers[0].text())}
    assert sum("Idempotency-Replayed" not in each.headers for each in answers) == 1


async def test_after_a_restart_a_key_still_names_its_command(make_house):
    house = await make_house()
    key, _ = house.add()
    headers = {"Idempotency-Key": "once"}
    token = house.user()
    first = await house.client(token).post(CONTROL, json=limit(key), headers=headers)
    await house.hub.api.stop()
    after = await make_house(house.hub.storage)
    again = await after.client(token).post(CONTROL, json=limit(key), headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await again.json() == await first.json()


async def test_keys_are_forgotten_after_a_day_and_when_there_are_too_many(house, monkeypatch):
    key, _ = house.add()
    owner, headers = house.owner(), {"Idempotency-Key": "once"}
    await owner.post(CONTROL, json=limit(key), headers=headers)
    house.clock.ahead += 86_401
    later = await owner.post(CONTROL, json=limit(key, 60), headers=headers)
    assert later.status == 202
    monkeypatch.setattr(idempotency, "MOST", 3)
    for _ in range(6):
        await owner.command(CONTROL, limit(key))
    kept = house.hub.storage.scan("idempotency/")
    assert len(kept) <= 4
    assert all(json.loads(value)["status"] == 202 for _, value in kept)
