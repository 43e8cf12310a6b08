"""Windows on the real PASE responder and session table: who gets in, for how long, and what ends it."""

import itertools

import pytest

from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.device_info import SetupSecret
from matter_node.commissioning.sessions import TableSessions
from matter_node.commissioning.window import (
    CommissioningMode,
    CommissioningWindow,
    WindowBusyError,
    WindowNotOpenError,
    WindowStatus,
)
from matter_node.crypto.spake2p import PaseVerifier
from matter_node.secure_channel.layer import MessageLayer
from matter_node.secure_channel.parameters import SessionParameters
from matter_node.secure_channel.pase import PaseResponder
from matter_node.secure_channel.session import SecureSession, SessionKind
from matter_node.secure_channel.session_table import SessionTable
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

SALT = bytes(16)
SECRET = SetupSecret(3840, PaseVerifier.from_passcode(20202021, SALT, 1000), 1000, SALT)
OTHER = SetupSecret(17, PaseVerifier.from_passcode(34567890, SALT, 2000), 2000, SALT)
ADDRESS = ("fe80::1", 5540, 0, 0)


class Announced:
    """What was announced, in order; None for a withdrawal."""

    def __init__(self):
        self.log = []

    def announce(self, discriminator, mode):
        self.log.append((discriminator, mode))

    def withdraw(self):
        self.log.append(None)


class Rig:
    def __init__(self, clock, entropy):
        self.clock, self.entropy = clock, entropy
        self.table = SessionTable(entropy)
        sessions = TableSessions(self.table)
        self.state = Commissioning.restore(MemoryStorage(), clock, entropy, sessions)
        self.fail_safe = self.state.fail_safe
        layer = MessageLayer(clock, entropy, lambda *_: None, self.table, self.state.group_keys)
        self.pase = PaseResponder(layer)
        self.announced = Announced()
        self.window = CommissioningWindow(
            SECRET, self.pase, self.announced, self.state.fabrics, self.fail_safe, sessions, clock
        )
        self.table.on_closed.append(self.fail_safe.session_closed)
        self._ids = itertools.count(1)

    def session(self, kind=SessionKind.PASE, fabric_index=0):
        subject = Subject(AuthMode(kind.value), fabric_index)
        keys = (bytes(16), bytes(16), bytes(16))
        session = SecureSession(
            kind,
            next(self._ids),
            1,
            keys,
            (0, 0),
            subject,
            ADDRESS,
            SessionParameters(),
            self.clock.monotonic(),
            self.entropy,
        )
        self.table.add(session)
        return session


@pytest.fixture
def rig(clock, entropy):
    return Rig(clock, entropy)


@pytest.fixture
def fabric(rig, make_authority):
    rig.state.fabrics.add(make_authority().fabric(1, 0x1234))
    return rig.state.fabrics.get(1)


def test_a_node_without_a_fabric_is_open_for_a_quarter_of_an_hour(rig):
    rig.window.open_uncommissioned()
    assert rig.pase.is_open
    assert rig.announced.log == [(3840, CommissioningMode.BASIC)]
    assert (rig.window.status, rig.window.admin_vendor_id) == (WindowStatus.NOT_OPEN, None)
    rig.clock.advance(899)
    assert rig.window.is_open
    rig.clock.advance(2)
    assert not rig.window.is_open
    assert not rig.pase.is_open
    assert rig.announced.log[-1] is None


def test_it_can_be_opened_again(rig):
    rig.window.open_uncommissioned()
    rig.clock.advance(600)
    rig.window.open_uncommissioned()
    rig.clock.advance(600)
    assert rig.window.is_open
    rig.clock.advance(301)
    rig.window.open_uncommissioned(60)
    rig.clock.advance(61)
    assert not rig.window.is_open


def test_a_node_with_a_fabric_leaves_windows_to_administrators(rig, fabric):
    with pytest.raises(WindowBusyError):
        rig.window.open_uncommissioned()
    rig.window.open_enhanced(200, fabric, OTHER)
    assert rig.announced.log == [(17, CommissioningMode.ENHANCED)]
    assert (rig.window.admin_fabric_index, rig.window.admin_vendor_id) == (1, 0xFFF1)


def test_a_window_is_not_opened_twice(rig, fabric):
    rig.window.open_basic(200, fabric)
    for open_again in (
        lambda: rig.window.open_basic(200, fabric),
        lambda: rig.window.open_enhanced(200, fabric, OTHER),
    ):
        with pytest.raises(WindowBusyError):
            open_again()
    assert rig.window.status is WindowStatus.BASIC


def test_no_window_opens_during_a_commissioning(rig, fabric):
    rig.fail_safe.arm(60, rig.session(SessionKind.CASE, fabric.index))
    for open_again in (
        lambda: rig.window.open_basic(200, fabric),
        lambda: rig.window.open_enhanced(200, fabric, OTHER),
    ):
        with pytest.raises(WindowBusyError):
            open_again()
    assert rig.window.status is WindowStatus.NOT_OPEN


def test_twenty_wrong_passcodes_end_it(rig):
    rig.window.open_uncommissioned()
    for count in range(1, 20):
        rig.window.attempt_failed(count)
    assert rig.window.is_open
    rig.window.attempt_failed(20)
    assert not rig.window.is_open
    assert not rig.pase.is_open


def test_who_gets_in_has_a_minute_to_arm_the_fail_safe(rig):
    rig.window.open_uncommissioned()
    session = rig.session()
    rig.window.established(session)
    assert rig.fail_safe.is_armed_for(0)
    rig.clock.advance(61)
    assert session.closed
    assert rig.window.is_open


def test_a_window_that_times_out_does_not_throw_out_who_is_in(rig):
    rig.window.open_uncommissioned(30)
    session = rig.session()
    rig.window.established(session)
    rig.clock.advance(31)
    assert not rig.window.is_open
    assert not session.closed
    assert rig.fail_safe.is_armed


def test_a_commissioner_that_hangs_up_expires_the_fail_safe(rig):
    rig.window.open_uncommissioned()
    session = rig.session()
    rig.window.established(session)
    rig.table.close(session, notify=False)
    assert not rig.fail_safe.is_armed
    assert rig.window.is_open


def test_an_administrators_session_that_ends_expires_nothing(rig, fabric):
    session = rig.session(SessionKind.CASE, fabric.index)
    rig.fail_safe.arm(60, session)
    rig.table.close(session)
    assert rig.fail_safe.is_armed


def test_revoking_ends_the_commissioners_session_alone(rig, fabric):
    rig.window.open_basic(200, fabric)
    administrator = rig.session(SessionKind.CASE, fabric.index)
    commissioner = rig.session()
    rig.window.established(commissioner)
    rig.window.revoke()
    assert commissioner.closed
    assert not administrator.closed
    with pytest.raises(WindowNotOpenError):
        rig.window.revoke()


def test_a_commissioning_that_outlived_its_window_can_be_revoked(rig, fabric):
    rig.window.open_basic(200, fabric)
    commissioner = rig.session()
    rig.window.established(commissioner)
    rig.fail_safe.arm(900, commissioner)
    rig.clock.advance(201)
    with pytest.raises(WindowNotOpenError):
        rig.window.revoke()
    assert commissioner.closed
    assert not rig.fail_safe.is_armed


def test_listeners_hear_of_each_change(rig, fabric):
    heard = []
    rig.window.on_changed.append(lambda: heard.append(rig.window.status))
    rig.window.open_basic(200, fabric)
    rig.window.close()
    rig.window.close()
    assert heard == [WindowStatus.BASIC, WindowStatus.NOT_OPEN]


def test_sessions_of_a_fabric_end_but_the_one_that_answers(rig, fabric):
    sessions = TableSessions(rig.table)
    first, second = (rig.session(SessionKind.CASE, 1) for _ in range(2))
    other = rig.session(SessionKind.CASE, 2)
    bound = rig.session(SessionKind.PASE, 1)
    sessions.close_fabric(1, keep=first)
    assert [session.closed for session in (first, second, other, bound)] == [False, True, False, True]
    sessions.close(first)
    sessions.close(first)
    assert first.closed
