import re

import pyotp
import pytest
from api_lab.client import AUTHENTICATE, PASSWORD, problem

from bridge.access.passwords import hashed
from bridge.access.role import Role

COOKIE = "__Host-ores-session"
HASH = hashed(PASSWORD)
LIMIT = {"module": "acme-1001", "power_limit_percent": 50}


async def claim(house, client=None, **changes):
    """Claim the hub as its first admin."""
    body = {"grant": "claim", "code": str(house.access.claim_code), "user": "root", "password": PASSWORD}
    return await (client or house.client()).post(AUTHENTICATE, json=body | changes)


async def log_in(house, user="anna", password=PASSWORD, **more):
    body = {"grant": "password", "user": user, "password": password, **more}
    return await house.client().post(AUTHENTICATE, json=body)


@pytest.fixture
def anna(house):
    return house.access.accounts.add("anna", Role.OWNER, HASH, 0)


async def test_the_code_on_the_console_makes_the_first_admin_once(house):
    code = str(house.access.claim_code)
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", code)
    wrong = await claim(house, code="AAAA-AAAA")
    assert (wrong.status, await problem(wrong)) == (401, "wrong-credentials")
    weak = await claim(house, password="short")
    assert (weak.status, await problem(weak)) == (422, "invalid")
    assert (await weak.json())["errors"] == [
        {"where": "#/password", "detail": "a password has 10 to 256 characters"}
    ]
    claimed = await claim(house, code=code.lower().replace("-", " "), user="Root")
    assert claimed.status == 201
    opened = await claimed.json()
    assert (opened["user"], opened["role"]) == ("root", "admin")
    assert house.access.claim_code is None
    again = await claim(house, code=code)
    assert (again.status, await problem(again)) == (409, "claimed")


async def test_a_hub_is_claimed_from_home_only(house, monkeypatch):
    monkeypatch.setattr("bridge.api.endpoints.authenticate.is_local", lambda _: False)
    refused = await claim(house)
    assert (refused.status, await problem(refused)) == (403, "not-local")
    assert not house.access.accounts.claimed


async def test_a_password_opens_a_session_that_ends_when_it_is_logged_out(house, anna):
    answer = await log_in(house, "Anna")
    opened = await answer.json()
    assert (answer.status, opened["user"], opened["role"], opened["csrf_token"]) == (
        201,
        "anna",
        "owner",
        None,
    )
    client = house.client(opened["token"])
    shown = await (await client.get(AUTHENTICATE)).json()
    assert [each["session"] for each in shown["sessions"] if each["current"]] == [opened["session"]]
    assert (await client.delete(AUTHENTICATE)).status == 204
    ended = await client.get(AUTHENTICATE)
    assert (ended.status, await problem(ended)) == (401, "bad-credentials")


async def test_wrong_name_and_wrong_password_read_the_same(house, anna):
    answers = [await log_in(house, "anna", "wrong password"), await log_in(house, "nobody", "wrong password")]
    bodies = [await each.json() for each in answers]
    for body in bodies:
        del body["instance"]
    assert bodies[0] == bodies[1]
    assert [each.status for each in answers] == [401, 401]


async def test_guessing_is_slowed_down_and_the_owner_at_home_is_not_kept_out(house, anna):
    assert (await log_in(house)).status == 201  # from here on this address is one of Anna's own
    for _ in range(3):
        house.access.throttle.admit("anna", "203.0.113.9")
        house.access.throttle.failed("anna", "203.0.113.9")
    assert (await log_in(house)).status == 201
    for _ in range(3):
        assert (await log_in(house, password="wrong password")).status == 401
    held = await log_in(house)
    assert (held.status, await problem(held)) == (429, "too-many-requests")
    wait = int(held.headers["Retry-After"])
    assert 0 < wait <= 60
    house.clock.ahead += wait
    assert (await log_in(house)).status == 201


async def test_twenty_attempts_a_minute_from_one_address_whatever_the_name(house):
    statuses = [(await log_in(house, f"nobody{number}")).status for number in range(21)]
    assert statuses == [401] * 20 + [429]


async def test_a_browser_has_its_session_in_a_cookie_that_no_page_reads(house, anna):
    house.add()
    answer = await log_in(house, cookie=True)
    opened = await answer.json()
    assert opened["token"] is None
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(COOKIE + "=ores_s_")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    headers = {"Cookie": cookie.partition(";")[0]}
    browser = house.client()
    assert (await browser.get("/microinverter/status", headers=headers)).status == 200
    refused = await browser.command("/microinverter/control", LIMIT, headers=headers)
    assert (refused.status, await problem(refused)) == (403, "csrf")
    assert house.hub.arbiter.live("acme-1001") == ()
    told = (await (await browser.get(AUTHENTICATE, headers=headers)).json())["csrf_token"]
    assert told == opened["csrf_token"]
    with_csrf = {**headers, "X-CSRF-Token": told}
    assert (await browser.command("/microinverter/control", LIMIT, headers=with_csrf)).status == 202
    wrong = {**headers, "X-CSRF-Token": told[::-1]}
    assert (await browser.command("/microinverter/control", LIMIT, headers=wrong)).status == 403
    ended = await browser.delete(AUTHENTICATE, headers=with_csrf)
    assert ended.headers["Set-Cookie"].startswith(f"{COOKIE}=;")


async def test_a_token_is_exchanged_for_the_next_one(house):
    token = house.user()
    answer = await house.client(token).post(AUTHENTICATE, json={"grant": "refresh"})
    assert answer.status == 201
    fresh = (await answer.json())["token"]
    assert (await house.client(token).get(AUTHENTICATE)).status == 401
    assert (await house.client(fresh).get(AUTHENTICATE)).status == 200
    nobody = await house.client().post(AUTHENTICATE, json={"grant": "refresh"})
    assert (nobody.status, await problem(nobody)) == (401, "no-credentials")


async def test_a_session_ends_when_its_time_is_over_or_nobody_uses_it(house):
    used, idle = house.client(house.user()), house.client(house.user())
    for _ in range(4):
        house.clock.ahead += 6 * 86_400
        assert (await used.get(AUTHENTICATE)).status == 200
    assert (await idle.get(AUTHENTICATE)).status == 401
    house.clock.ahead += 6.1 * 86_400
    assert (await used.get(AUTHENTICATE)).status == 401


async def test_people_see_and_end_their_own_sessions_and_an_admin_everybodys(house):
    first, second = house.client(house.user()), house.client(house.user())
    admin = house.client(house.user("root", Role.ADMIN))
    own = (await (await first.get(AUTHENTICATE)).json())["sessions"]
    assert {each["user"] for each in own} == {"anna"}
    every = (await (await admin.get(AUTHENTICATE)).json())["sessions"]
    assert {each["user"] for each in every} == {"anna", "root"}
    roots = next(each["session"] for each in every if each["user"] == "root")
    foreign = await first.delete(AUTHENTICATE, params={"session": roots})
    assert (foreign.status, await problem(foreign)) == (404, "unknown-session")
    for each in own:
        assert (await admin.delete(AUTHENTICATE, params={"session": each["session"]})).status == 204
    assert (await second.get(AUTHENTICATE)).status == 401


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.GUEST, 403), (Role.OWNER, 202), (Role.INSTALLER, 202), (Role.ADMIN, 202)],
)
async def test_who_may_command_is_a_matter_of_the_role(house, role, status):
    house.add()
    client = house.client(house.user("somebody", role))
    assert (await client.get("/microinverter/status")).status == 200
    answer = await client.command("/microinverter/control", LIMIT)
    assert answer.status == status
    if status == 403:
        assert await problem(answer) == "forbidden"
        assert "owner" in (await answer.json())["detail"]
    (noted,) = await house.audited(1)
    assert (noted.actor, noted.data["result"]) == ("user/somebody", str(status))


async def test_a_removed_user_is_out_and_what_they_commanded_ends(house):
    key, _ = house.add()
    owner = house.owner()
    await owner.command("/microinverter/control", LIMIT)
    assert len(house.hub.arbiter.live(key)) == 1
    assert house.access.remove_user("anna") == 1
    assert house.hub.arbiter.live(key) == ()
    assert (await owner.get("/microinverter/status")).status == 401


async def test_a_second_factor_begins_with_its_first_code_and_each_code_is_good_once(house, anna):
    client = house.client(house.user())

    async def change(**body):
        return await client._ask("PATCH", AUTHENTICATE, json=body)

    early = await change(change="confirm-second-factor", totp="123456")
    assert (early.status, await problem(early)) == (409, "conflict")
    started = await (await change(change="second-factor", password=PASSWORD)).json()
    assert started["uri"].startswith("otpauth://totp/ores-bridge:anna?secret=")
    assert (await log_in(house)).status == 201, "it does not count yet"
    app = pyotp.TOTP(started["secret"])
    code = app.at(int(house.clock.utc()))
    assert (await change(change="confirm-second-factor", totp=code)).status == 200
    missing = await log_in(house)
    assert (missing.status, await problem(missing)) == (401, "second-factor-needed")
    used = await log_in(house, totp=code)
    assert (used.status, await problem(used)) == (401, "wrong-credentials")
    house.clock.ahead += 60
    assert (await log_in(house, totp=app.at(int(house.clock.utc())))).status == 201
    house.clock.ahead += 60
    code = app.at(int(house.clock.utc()))
    removed = await change(change="remove-second-factor", password=PASSWORD, totp=code)
    assert (await removed.json())["second_factor"] is False
    house.clock.ahead += 60
    assert (await log_in(house)).status == 201


async def test_another_password_ends_the_other_sessions(house, anna):
    client, other = house.client(house.user()), house.client(house.user())
    body = {"change": "password", "password": "wrong password", "new_password": "another horse entirely"}
    assert (await client._ask("PATCH", AUTHENTICATE, json=body)).status == 401
    body["password"] = PASSWORD
    weak = await client._ask("PATCH", AUTHENTICATE, json={**body, "new_password": "anna anna anna"})
    assert (await weak.json())["errors"][0]["where"] == "#/new_password"
    changed = await client._ask("PATCH", AUTHENTICATE, json=body)
    assert (await changed.json())["ended_sessions"] == 1
    assert (await client.get(AUTHENTICATE)).status == 200
    assert (await other.get(AUTHENTICATE)).status == 401
    assert (await log_in(house, password="another horse entirely")).status == 201


async def test_a_modules_token_speaks_for_that_module_alone(house):
    key, _ = house.add("1001")
    other, _ = house.add("1002")
    module = house.client(house.access.modules.issue_token(key))
    shown = (await (await module.get("/microinverter/status")).json())["microinverters"]
    assert [each["module"] for each in shown] == [key]
    foreign = await module.get("/microinverter/status", params={"module": other})
    assert (foreign.status, await problem(foreign)) == (403, "forbidden")
    assert (await module.command("/microinverter/control", LIMIT)).status == 403
    session = await module.post(AUTHENTICATE, json={"grant": "module"})
    assert (await session.json())["module"] == key
    house.hub.registry.remove(key)
    assert (await module.get("/microinverter/status")).status == 401


async def test_nothing_secret_is_in_the_log_or_in_the_audit_log(house, anna, caplog):
    caplog.set_level("DEBUG")
    token = (await (await log_in(house)).json())["token"]
    await log_in(house, password="a wrong secret")
    await house.client(token).delete(AUTHENTICATE)
    trail = await house.audited()
    told = caplog.text + str(trail)
    for secret in (PASSWORD, "a wrong secret", token, HASH):
        assert secret not in told
    assert [(each.actor, each.data["result"], each.subject) for each in trail[-3:]] == [
        ("nobody", "201", "anna"),
        ("nobody", "401", "anna"),
        ("user/anna", "204", ""),
    ]
