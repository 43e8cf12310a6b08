"""Alerts of faults and outages, and who is told of them when."""

import asyncio
import json
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import alerts as alerts_module
from bridge.access.accounts import Accounts
from bridge.access.role import Role
from bridge.alert_sources import AlertSources
from bridge.alerts import Alert, AlertChanged, AlertOverError, AlertState, UnknownAlertError
from bridge.channels import ChannelBook, ChannelError, judge
from bridge.delivery import DeliveryError, Message, deliver, without_secrets
from bridge.faults import ActiveFault, FaultCleared, FaultRaised, Severity
from bridge.grid import GridChanged, GridState
from bridge.notifier import FLAPPING, OLD_NEWS, PAUSES, Notifier
from bridge.preferences import Notifications, PreferenceBook, Preferences

KEY = "acme-1001"
WHEN = datetime(2026, 6, 21, tzinfo=UTC)


def fault(code="OVER_TEMP", severity=Severity.WARNING):
    return ActiveFault(KEY, code, "103.Evt1", severity, WHEN, "the module says so")


@pytest.fixture
def book(home):
    home.add()
    home.fault_log.start()
    home.alerts.start()
    AlertSources(home.alerts, home.bus, home.registry).start()
    return home.alerts


async def test_a_fault_is_an_alert_until_it_is_over(home, book):
    heard = []
    home.bus.subscribe(AlertChanged, lambda event: heard.append(event.alert))
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("NOTE", Severity.INFO)))
    (alert,) = book.alerts()
    assert (alert.title, alert.text) == ("Device 1001: over temp", "The module says so.")
    assert alert.state(book.now) is AlertState.OPEN
    home.bus.publish(FaultCleared(fault(), WHEN))
    assert book[alert.number].state(book.now) is AlertState.RESOLVED
    assert [each.revision for each in heard] == [1, 2]
    with pytest.raises(AlertOverError):
        book.acknowledge(alert.number, "user/anna")
    with pytest.raises(UnknownAlertError):
        book.acknowledge(99, "user/anna")


async def test_an_outage_is_an_alert_until_the_grid_is_back(home, book):
    home.bus.publish(GridChanged(GridState.LOST, WHEN))
    home.bus.publish(GridChanged(GridState.UNKNOWN, None))
    (alert,) = book.unresolved()
    assert (alert.code, alert.severity) == ("GRID_LOST", Severity.CRITICAL)
    home.bus.publish(GridChanged(GridState.CONNECTED, WHEN))
    assert book.unresolved() == []


async def test_snoozing_ends_by_itself_and_acknowledging_does_not(home, book, clock):
    home.bus.publish(FaultRaised(fault()))
    book.snooze(1, 600)
    assert book[1].state(book.now) is AlertState.SNOOZED
    clock.now += 601
    assert book[1].state(book.now) is AlertState.OPEN
    book.acknowledge(1, "user/anna")
    assert book.acknowledge(1, "user/bert").acknowledged_by == "user/anna"
    clock.now += 1e6
    assert book[1].state(book.now) is AlertState.ACKNOWLEDGED
    with pytest.raises(ValueError, match="days"):
        book.snooze(1, 1e9)


async def test_a_fault_that_is_acknowledged_is_an_alert_that_is(home, book):
    home.bus.publish(FaultRaised(fault()))
    (record,) = home.fault_log.records()
    home.fault_log.acknowledge(record.id, "user/anna")
    assert book[1].acknowledged_by == "user/anna"


async def test_alerts_and_their_numbers_outlive_a_restart(home, book, clock, another_home):
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("FAN")))
    book.acknowledge(1, "user/anna")
    again = another_home(home.storage, clock)
    again.fault_log.start()
    again.alerts.start()
    assert again.alerts.alerts() == book.alerts()
    again.bus.publish(FaultRaised(fault("THIRD")))
    assert again.alerts.alerts()[0].number == 3
    assert again.alerts.revision == book.revision + 1


async def test_what_a_killed_hub_did_not_get_to_is_made_up_for(home, book, clock, another_home):
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("FAN")))
    home.storage.delete("alert/0000000002")
    (record,) = [each for each in home.fault_log.records() if each.fault.code == "OVER_TEMP"]
    home.storage.delete(f"fault/{record.id}")
    again = another_home(home.storage, clock)
    again.fault_log.start()
    again.alerts.start()
    assert [(each.code, each.resolved is None) for each in again.alerts.alerts()] == [
        ("FAN", True),
        ("OVER_TEMP", False),
    ]


async def test_alerts_are_bounded_and_what_changed_is_in_order(home, book, monkeypatch):
    monkeypatch.setattr(alerts_module, "KEPT", 10)
    for number in range(30):
        home.bus.publish(FaultRaised(fault(f"CODE_{number}")))
        home.bus.publish(FaultCleared(fault(f"CODE_{number}"), WHEN))
    assert len(book.alerts()) <= 11
    assert book.alerts()[0].code == "CODE_29"
    assert [each.revision for each in book.changed_since(56)] == [58, 60]


# ---------------------------------------------------------------------- telling people


class Told:
    """Takes the place of the child process: what was delivered to whom, and what does not work."""

    def __init__(self):
        self.messages = []
        self.texts = set()
        self.broken = set()

    async def __call__(self, channel, message):
        if channel.name in self.broken:
            raise DeliveryError("it is not there")
        self.messages.append((channel.name, message.title))
        if message.severity == "over":
            self.texts.add(message.text)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def people(home, clock):
    """Somebody with a channel, and what makes another one."""
    accounts, channels, preferences = (
        Accounts(home.storage),
        ChannelBook(home.storage),
        PreferenceBook(home.storage),
    )

    def add(name, **wishes):
        user = accounts.add(name, Role.OWNER, "none", clock.utc())
        channels.add(user, judge(name, f"json://{name}.example.org/hook"))
        preferences.choose(user, Preferences(notifications=Notifications(**wishes)))

    add.accounts, add.channels, add.preferences = accounts, channels, preferences
    return add


@pytest.fixture
def notifier(home, book, people, told):
    return Notifier(book, people.channels, people.preferences, lambda: people.accounts, home.bus, send=told)


async def test_everybody_who_wants_to_know_is_told_once(home, people, notifier, told):
    people("anna")
    people("bert", least=Severity.CRITICAL)
    people("carl", enabled=False)
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("FIRE", Severity.CRITICAL)))
    for _ in range(3):
        await notifier.deliver_due()
    assert sorted(told.messages) == [
        ("anna", "Device 1001: fire"),
        ("anna", "Device 1001: over temp"),
        ("bert", "Device 1001: fire"),
    ]


async def test_quiet_hours_keep_what_can_wait(home, people, notifier, told, clock):
    local = datetime.fromtimestamp(clock.utc(), UTC)
    hours = {"quiet_from": time(local.hour), "quiet_until": time((local.hour + 1) % 24)}
    people("anna", **hours)
    people("bert", critical_in_quiet=False, **hours)
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("FIRE", Severity.CRITICAL)))
    await notifier.deliver_due()
    assert told.messages == [("anna", "Device 1001: fire")]
    clock.now += 3600
    await notifier.deliver_due()
    assert len(told.messages) == 4


async def test_what_fails_is_tried_again_later(home, people, notifier, told, clock):
    people("anna")
    told.broken.add("anna")
    home.bus.publish(FaultRaised(fault()))
    await notifier.deliver_due()
    told.broken.clear()
    await notifier.deliver_due()
    assert told.messages == [], "not at once"
    clock.now += PAUSES[0]
    await notifier.deliver_due()
    assert len(told.messages) == 1


async def test_nobody_is_told_of_what_is_acknowledged_snoozed_or_over(
    home, book, people, notifier, told, clock
):
    people("anna")
    for code in ("A", "B", "C"):
        home.bus.publish(FaultRaised(fault(code)))
    book.acknowledge(1, "user/anna")
    book.snooze(2, 3600)
    home.bus.publish(FaultCleared(fault("C"), WHEN))
    await notifier.deliver_due()
    assert told.messages == []
    clock.now += 3601
    await notifier.deliver_due()
    assert told.messages == [("anna", "Device 1001: b")]


async def test_what_comes_and_goes_is_told_once_in_a_while(home, people, notifier, told, clock):
    people("anna")
    for _ in range(5):
        home.bus.publish(FaultRaised(fault()))
        await notifier.deliver_due()
        home.bus.publish(FaultCleared(fault(), WHEN))
    assert len(told.messages) == 1
    home.bus.publish(FaultRaised(fault()))
    await notifier.deliver_due()
    assert len(told.messages) == 1
    clock.now += FLAPPING
    await notifier.deliver_due()
    assert len(told.messages) == 2, "it still is so"


async def test_whoever_was_told_is_told_that_it_is_over(home, book, people, notifier, told, clock):
    people("anna")
    people("bert", over_least=Severity.WARNING)
    people("carl", over_least=None)
    people("dora", least=Severity.CRITICAL)
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("FIRE", Severity.CRITICAL)))
    await notifier.deliver_due()
    people("late")
    clock.now += 720
    home.bus.publish(FaultCleared(fault(), WHEN))
    home.bus.publish(FaultCleared(fault("FIRE", Severity.CRITICAL), WHEN))
    told.messages.clear()
    for _ in range(3):
        await notifier.deliver_due()
    assert sorted(told.messages) == [
        ("anna", "Over: Device 1001: fire"),
        ("bert", "Over: Device 1001: fire"),
        ("bert", "Over: Device 1001: over temp"),
        ("dora", "Over: Device 1001: fire"),
    ]
    assert told.texts == {"It is so no more, after 12 minutes."}
    assert book.over() == []


async def test_an_end_that_nobody_took_is_told_later_also_after_a_restart_and_not_for_ever(
    home, people, notifier, told, clock, another_home
):
    people("anna")
    people("bert")
    home.bus.publish(FaultRaised(fault("FIRE", Severity.CRITICAL)))
    await notifier.deliver_due()
    home.alerts.snooze(1, 3600)  # who was told before still wants to know
    told.broken |= {"anna", "bert"}
    home.bus.publish(FaultCleared(fault("FIRE", Severity.CRITICAL), WHEN))
    told.messages.clear()
    await notifier.deliver_due()
    again = another_home(home.storage, clock)
    again.fault_log.start()
    again.alerts.start()
    later = Notifier(
        again.alerts, people.channels, people.preferences, lambda: people.accounts, again.bus, send=told
    )
    told.broken -= {"anna"}
    await later.deliver_due()
    assert told.messages == [("anna", "Over: Device 1001: fire")]
    clock.now += OLD_NEWS + 1
    told.broken.clear()
    await later.deliver_due()
    assert len(told.messages) == 1
    assert again.alerts.over() == []


async def test_quiet_hours_keep_the_end_of_what_could_wait(home, people, notifier, told, clock):
    local = datetime.fromtimestamp(clock.utc(), UTC)
    people("anna", over_least=Severity.WARNING)
    home.bus.publish(FaultRaised(fault()))
    home.bus.publish(FaultRaised(fault("FIRE", Severity.CRITICAL)))
    await notifier.deliver_due()
    (user,) = people.accounts
    hours = {"quiet_from": time(local.hour), "quiet_until": time((local.hour + 1) % 24)}
    wishes = Notifications(over_least=Severity.WARNING, **hours)
    people.preferences.choose(user, Preferences(notifications=wishes))
    home.bus.publish(FaultCleared(fault(), WHEN))
    home.bus.publish(FaultCleared(fault("FIRE", Severity.CRITICAL), WHEN))
    told.messages.clear()
    await notifier.deliver_due()
    assert told.messages == [("anna", "Over: Device 1001: fire")]
    clock.now += 3600
    await notifier.deliver_due()
    assert told.messages[1:] == [("anna", "Over: Device 1001: over temp")]


def test_an_alert_of_an_older_hub_is_read():
    old = {
        "number": 3, "revision": 9, "time": 1.0, "severity": 1, "title": "t", "text": "x", "subject": "grid",
        "told": ["anna"],
    }  # fmt: skip
    assert Alert.from_json(json.dumps(old).encode()).owed == ()
    with pytest.raises(KeyError):
        Alert.from_json(b"{}")


async def test_a_restart_tells_nobody_twice_and_forgets_nobody(
    home, book, people, notifier, told, clock, another_home
):
    people("anna")
    home.bus.publish(FaultRaised(fault()))
    await notifier.deliver_due()
    home.bus.publish(FaultRaised(fault("FAN")))
    again = another_home(home.storage, clock)
    again.fault_log.start()
    again.alerts.start()
    accounts = Accounts(home.storage)
    later = Notifier(
        again.alerts, people.channels, people.preferences, lambda: accounts, again.bus, send=told
    )
    later.start()
    async with asyncio.timeout(5):
        while len(told.messages) < 2:  # noqa: ASYNC110 - nothing says when it has run
            await asyncio.sleep(0.01)
    await later.stop()
    assert told.messages == [("anna", "Device 1001: over temp"), ("anna", "Device 1001: fan")]


# ---------------------------------------------------------------------- channels


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "dbus://",
        "syslog://",
        "http://example.org",
        "json://",
        "ntfy:topic",
        "mailto://user:pass@example.org?attach=/etc/shadow",
        "ntfys://ntfy.sh/topic?Attach=file:///etc/shadow",
        "json://[::1",
        "json://host:99999/",
        "json://host/ a",
        "json://" + "a" * 2000,
    ],
)
def test_an_address_that_is_none_or_reads_files_is_not_taken(url):
    with pytest.raises(ChannelError):
        judge("phone", url)


@given(st.text(max_size=60) | st.from_regex(r"(json|ntfy|mailto|tgram)://[!-~]{0,40}", fullmatch=True))
def test_any_address_is_a_channel_or_an_error_without_it(url):
    try:
        channel = judge("phone", url)
    except ChannelError:
        return
    assert channel.kind
    assert channel.host is not None
    assert url not in repr(channel)


def test_complaints_show_no_secrets():
    url = "mailtos://anna:geheim%21x@mail.example.org/topic42?to=a@example.org&token=t0k3n"
    said = without_secrets("could not log in as anna with geheim!x, t0k3n, topic42: 535", url)
    assert said == "could not log in as *** with ***, ***, ***: 535"


async def test_a_child_says_what_is_wrong_with_a_channel():
    await deliver(judge("phone", "ntfys://ntfy.example.org/topic"), None)
    with pytest.raises(DeliveryError, match="does not understand"):
        await deliver(judge("phone", "tgram://nonsense"), None)
    with pytest.raises(DeliveryError):
        await deliver(judge("hook", "json://127.0.0.1:9/hook"), Message("a", "b"))
