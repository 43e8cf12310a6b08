import json
from typing import ClassVar

import pytest

from bridge.access.access import Access, command_source
from bridge.access.accounts import AccountError, Accounts, LastAdminError, UnknownUserError
from bridge.access.administration import Administration
from bridge.access.audit import StoredAuditTrail
from bridge.access.claim import ClaimCode
from bridge.access.module_credentials import ModuleCredentials
from bridge.access.passwords import BusyError, PasswordDesk, WeakPasswordError, hashed, judge, matches
from bridge.access.role import Role
from bridge.access.sessions import PER_SUBJECT, Sessions
from bridge.access.throttle import Throttle, ThrottledError
from bridge.access.tokens import LENGTH, SESSION, digest, new_token
from bridge.access.totp import step_of
from bridge.arbiter import Arbiter
from bridge.command import Origin
from bridge.control import ControlError
from hw.setpoint import SetpointKind
from matter_node.storage import MemoryStorage

PASSWORD = "correct horse battery"


@pytest.fixture
def storage():
    return MemoryStorage()


# ---------------------------------------------------------------------- accounts


def test_accounts_survive_a_restart_and_keep_an_admin(storage):
    accounts = Accounts(storage)
    assert not accounts.claimed
    accounts.add("Root", Role.ADMIN, "hash", 5.0)
    accounts.add("anna", Role.OWNER, "hash", 6.0)
    for attempt in (lambda: accounts.remove("root"), lambda: accounts.set_role("root", Role.OWNER)):
        with pytest.raises(LastAdminError):
            attempt()
    accounts.set_role("anna", Role.ADMIN)
    accounts.set_role("root", Role.GUEST)
    again = Accounts(storage)
    assert [(user.name, user.role, user.created) for user in again] == [
        ("anna", Role.ADMIN, 6.0),
        ("root", Role.GUEST, 5.0),
    ]
    assert again.claimed


def test_an_account_that_cannot_be_read_keeps_nobody_else_out(storage, caplog):
    Accounts(storage).add("anna", Role.OWNER, "hash", 0)
    for number, value in enumerate((b"{", b"[]", b'{"name": "x", "role": "king"}', b'{"role": "owner"}')):
        storage.put(f"user/x{number}", value)
    assert [user.name for user in Accounts(storage)] == ["anna"]
    assert caplog.text.count("cannot be read and is left alone") == 4
    storage.put("module-token/x", b"{")
    assert list(ModuleCredentials(storage, None)) == []


@pytest.mark.parametrize("name", ["", "a b", "-anna", "änna", "a" * 65, "a/b", "a\n"])
def test_a_name_that_cannot_be_one(storage, name):
    with pytest.raises(AccountError):
        Accounts(storage).add(name, Role.OWNER, "hash", 0)


def test_a_name_is_given_once(storage):
    accounts = Accounts(storage)
    accounts.add("anna", Role.OWNER, "hash", 0)
    with pytest.raises(AccountError, match="already"):
        accounts.add("ANNA", Role.OWNER, "hash", 0)
    with pytest.raises(UnknownUserError):
        accounts.set_password("ben", "hash")


# ---------------------------------------------------------------------- secrets


def test_a_password_is_hashed_by_argon2id_at_what_a_small_computer_bears():
    stored = hashed(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != hashed(PASSWORD)
    assert matches(stored, PASSWORD)
    assert not matches(stored, PASSWORD + " ")
    assert not matches("no hash", PASSWORD)


@pytest.mark.parametrize("password", ["short", "a" * 20, "abababababab", "x" * 300, "my name is anna 1"])
def test_passwords_that_are_easy_to_guess(password):
    with pytest.raises(WeakPasswordError):
        judge(password, "anna")


async def test_passwords_are_checked_one_at_a_time_and_few_may_wait(monkeypatch):
    import asyncio
    import threading
    import time

    running, most = 0, 0
    lock = threading.Lock()

    def slow(stored, password):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr("bridge.access.passwords.matches", slow)
    desk = PasswordDesk()
    answers = await asyncio.gather(*(desk.matches("x", "y") for _ in range(10)), return_exceptions=True)
    assert most == 1
    assert [type(each) for each in answers].count(BusyError) == 2
    assert await desk.matches("x", "y"), "and then it goes on"


def test_what_is_stored_of_a_token_opens_nothing():
    token = new_token(SESSION)
    assert len(token) == LENGTH
    assert token.startswith("ores_s_")
    assert len({new_token(SESSION) for _ in range(100)}) == 100
    assert token not in digest(token)


def test_a_claim_code_is_read_aloud_and_typed_in_any_way():
    code = ClaimCode()
    text = str(code)
    assert code.matches(text.lower().replace("-", " "))
    assert not code.matches(text[:-1])
    assert not code.matches("")


def test_codes_of_rfc_6238():
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", appendix B
    assert step_of(secret, "287082", 59) == 1
    assert step_of(secret, "081804", 1111111109) == 37037036
    assert step_of(secret, "081804", 1111111109 + 30) == 37037036, "a phone half a minute behind"
    assert step_of(secret, "081804", 1111111109 + 90) is None
    assert step_of(secret, "000000", 59) is None


# ---------------------------------------------------------------------- sessions and credentials


def test_a_session_is_kept_as_its_hash_and_survives_a_restart(storage, clock):
    token, session = Sessions(storage, clock).open(user="anna", address="10.0.0.7")
    assert token not in str(storage.scan(""))
    again = Sessions(storage, clock)
    assert again.find(token) == session
    assert again.find(token + "x") is None
    again.end(session)
    assert Sessions(storage, clock).find(token) is None


def test_a_person_has_so_many_sessions_and_the_longest_unused_one_goes(storage, clock):
    sessions = Sessions(storage, clock)
    tokens = []
    for _ in range(PER_SUBJECT + 1):
        clock.now += 1
        tokens.append(sessions.open(user="anna", address="10.0.0.7")[0])
    other, _ = sessions.open(user="ben", address="10.0.0.8")
    assert [sessions.find(token) is not None for token in tokens] == [False] + [True] * PER_SUBJECT
    assert sessions.find(other)


def test_whoever_waits_for_a_sessions_end_is_told(storage, clock):
    sessions = Sessions(storage, clock)
    _, session = sessions.open(user="anna", address="10.0.0.7")
    told = []
    forget = sessions.on_end(session, lambda: told.append("first"))
    sessions.on_end(session, lambda: told.append("second"))
    forget()
    assert sessions.end_all("user/anna") == 1
    assert told == ["second"]


def test_a_damaged_session_is_dropped_and_the_others_stay(storage, clock):
    token, _ = Sessions(storage, clock).open(user="anna", address="10.0.0.7")
    storage.put("session/x", b"{")
    storage.put("session/y", b'{"surprise": 1}')
    assert Sessions(storage, clock).find(token)
    assert len(storage.scan("session/")) == 1


def test_a_modules_new_token_ends_the_former_one(storage, clock):
    credentials = ModuleCredentials(storage, clock)
    first, other = credentials.issue_token("a"), credentials.issue_token("b")
    second = credentials.issue_token("a")
    credentials.trust_certificate("a", "ab" * 32)
    again = ModuleCredentials(storage, clock)
    assert [again.of_token(token) for token in (first, second, other)] == [None, "a", "b"]
    assert again.of_certificate("ab" * 32) == "a"
    assert again.revoke("a") == 2
    assert again.of_token(second) is None
    (left,) = again
    assert again.revoke_id(left["id"])
    assert not again.revoke_id(left["id"])


# ---------------------------------------------------------------------- throttle


def test_five_attempts_a_minute_at_an_account(clock):
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.admit("anna", "10.0.0.7")
    with pytest.raises(ThrottledError) as held:
        throttle.admit("anna", "10.0.0.8")
    assert held.value.wait == 60
    clock.now += 60
    throttle.admit("anna", "10.0.0.8")


def test_waits_grow_and_never_lock_for_good(clock):
    throttle = Throttle(clock)
    waits = []
    for _ in range(12):
        clock.now += 61
        throttle.admit("anna", "10.0.0.7")
        throttle.failed("anna", "10.0.0.7")
        try:
            throttle.admit("anna", "10.0.0.7")
        except ThrottledError as held:
            waits.append(held.wait)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_names_and_addresses_that_are_made_up_do_not_fill_the_memory(clock):
    throttle = Throttle(clock)
    for number in range(3000):
        throttle.admit(f"user{number}", f"10.{number // 256}.{number % 256}.1")
        throttle.succeeded(f"user{number}", "10.0.0.1")
    assert len(throttle._records) <= 1000
    assert len(throttle._known) <= 1000


# ---------------------------------------------------------------------- audit


def test_the_audit_trail_shows_what_was_changed_left_out_or_put_in_between(storage, clock):
    trail = StoredAuditTrail(storage, clock)
    for number in range(6):
        trail.audit("user/anna", f"deed {number}")
    again = StoredAuditTrail(storage, clock)
    again.audit("user/anna", "deed 6", "acme-1001", {"result": "202"})
    assert [each.action for each in again.latest(3)] == ["deed 4", "deed 5", "deed 6"]
    assert again.latest(1)[0].data == {"result": "202"}
    assert again.broken_at() is None
    key, value = storage.scan("audit/")[2]
    before, line = json.loads(value)
    storage.put(key, json.dumps([before, line.replace("anna", "mary")]).encode())
    assert again.broken_at() == 4
    storage.delete(key)
    assert again.broken_at() == 4
    storage.put(key, value)
    assert again.broken_at() is None
    storage.delete(storage.scan("audit/")[-1][0])
    assert again.broken_at() == 7


def test_the_audit_trail_keeps_so_many_and_its_chain_goes_on(storage, clock, monkeypatch):
    monkeypatch.setattr("bridge.access.audit.KEPT", 10)
    trail = StoredAuditTrail(storage, clock)
    for number in range(25):
        trail.audit("user/anna", f"deed {number}")
    assert len(storage.scan("audit/")) == 10
    assert trail.broken_at() is None


async def test_what_was_noted_while_the_hub_did_not_run_goes_to_its_own_trail(home):
    class Trail:
        taken: ClassVar = []

        def audit(self, *entry):
            self.taken.append(entry)

    StoredAuditTrail(home.storage, home.clock).audit("console", "user add", "anna", {"result": "done"})
    arbiter = Arbiter(home.registry, home.storage, home.bus, home.clock)
    access = Access(home.storage, home.clock, home.bus, arbiter, audit=Trail())
    access.note("user/anna", "POST /test", "201", address="10.0.0.7")
    noted = home.clock.utc()
    assert Trail.taken == [
        ("console", "user add", "anna", {"result": "done", "noted": noted}),
        ("user/anna", "POST /test", "", {"result": "201", "address": "10.0.0.7"}),
    ]
    assert home.storage.scan("audit/") == []


# ---------------------------------------------------------------------- joined


@pytest.fixture
async def hub(home):
    arbiter = Arbiter(home.registry, home.storage, home.bus, home.clock)
    arbiter.start()
    yield home, arbiter, Access(home.storage, home.clock, home.bus, arbiter)
    await arbiter.close()


async def test_a_removed_module_takes_its_credentials_with_it(hub):
    home, _, access = hub
    key = home.add().identity.key
    token = access.modules.issue_token(key)
    session, _ = access.sessions.open(module=key, address="10.0.0.7")
    home.registry.remove(key)
    assert access.modules.of_token(token) is None
    assert access.sessions.find(session) is None


async def test_what_a_user_who_was_removed_meanwhile_commanded_ends_at_the_next_start(hub):
    home, arbiter, access = hub
    key = home.add().identity.key
    access.accounts.add("anna", Role.OWNER, "hash", 0)
    for source in (command_source("anna"), command_source("ben"), "cli"):
        kind = SetpointKind.RESERVE_PERCENT if source == "cli" else SetpointKind.CHARGE_W
        arbiter.submit(key, kind, 50, origin=Origin.USER, source=source)
    assert access.end_leftovers([key]) == 1
    assert {command.source for command in arbiter.live(key)} == {"cli"}


async def test_the_console_changes_accounts_and_is_in_the_audit_log(hub):
    home, _, access = hub
    console = Administration(access, home.registry)
    made = {"do": "add", "name": "anna", "role": "admin", "password_hash": hashed(PASSWORD)}
    assert console.perform("user", made) == {"name": "anna", "role": "admin"}
    (shown,) = console.perform("user", {"do": "list"})
    assert (shown["name"], shown["role"], shown["second_factor"]) == ("anna", "admin", False)
    assert [(each.actor, each.action, each.subject) for each in access.audit.latest(5)] == [
        ("console", "user add", "anna")
    ]


async def test_who_loses_a_role_has_to_log_in_anew(hub):
    home, _, access = hub
    access.accounts.add("anna", Role.INSTALLER, "hash", 0)
    token, _ = access.sessions.open(user="anna", address="10.0.0.7")
    console = Administration(access, home.registry)
    assert console.perform("user", {"do": "role", "name": "anna", "role": "admin"})["ended_sessions"] == 0
    access.accounts.add("root", Role.ADMIN, "hash", 0)
    assert console.perform("user", {"do": "role", "name": "anna", "role": "guest"})["ended_sessions"] == 1
    assert access.sessions.find(token) is None


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("user", {}, "invalid"),
        ("user", {"do": "fly"}, "not-found"),
        ("user", {"do": "remove", "name": "ben"}, "not-found"),
        ("user", {"do": "add", "name": "ben", "role": "king", "password_hash": "$argon2id$x"}, "invalid"),
        ("user", {"do": "add", "name": "ben", "role": "owner", "password_hash": "plain"}, "invalid"),
        ("user", {"do": "add", "name": ["ben"], "role": "owner"}, "invalid"),
        ("token", {"do": "add", "module": "none"}, "not-found"),
        ("token", {"do": "add", "name": "ben"}, "not-found"),
        ("token", {"do": "remove", "id": "x"}, "not-found"),
    ],
)
async def test_what_the_console_cannot_do(hub, method, params, code):
    home, _, access = hub
    with pytest.raises(ControlError) as refused:
        Administration(access, home.registry).perform(method, params)
    assert refused.value.code == code
    assert access.audit.latest(1) == []
