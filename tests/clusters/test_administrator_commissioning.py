"""Windows that administrators open for others."""

import pytest

from clusters.definitions.administrator_commissioning import (
    AdministratorCommissioning,
    CommissioningWindowStatusEnum,
    OpenBasicCommissioningWindowRequest,
    OpenCommissioningWindowRequest,
)
from clusters.definitions.operational_credentials import RemoveFabricRequest
from matter_node.crypto.spake2p import PaseVerifier
from matter_node.status import Status

SALT = bytes(range(32))
VERIFIER = PaseVerifier.from_passcode(34567890, SALT, 1000)
BUSY, PAKE_ERROR, NOT_OPEN = ((Status.FAILURE, code) for code in (2, 3, 4))
INVALID = (Status.INVALID_COMMAND, None)
CLOSED, ENHANCED, BASIC = CommissioningWindowStatusEnum


@pytest.fixture
def administrator(node, authority):
    return node.commission(authority)


def open_enhanced(node, context, **changed):
    fields = {
        "commissioning_timeout": 180,
        "pake_passcode_verifier": VERIFIER.to_bytes(),
        "discriminator": 2976,
        "iterations": 1000,
        "salt": SALT,
    }
    request = OpenCommissioningWindowRequest(**(fields | changed))
    node.administrator.handle_open_commissioning_window(context, request)


def open_basic(node, context, timeout=180):
    request = OpenBasicCommissioningWindowRequest(commissioning_timeout=timeout)
    node.administrator.handle_open_basic_commissioning_window(context, request)


def state(node):
    cluster = node.administrator
    return cluster.window_status, cluster.admin_fabric_index, cluster.admin_vendor_id


def test_all_three_commands_are_timed():
    assert all(command.access.timed for command in AdministratorCommissioning.COMMANDS.values())


def test_an_enhanced_window(node, administrator):
    open_enhanced(node, administrator)
    assert state(node) == (ENHANCED, 1, 0xFFF1)
    assert node.gate.offer == (VERIFIER, 1000, SALT)
    assert node.announcer.shown == (2976, 2)
    node.clock.advance(179)
    assert state(node)[0] is ENHANCED
    node.clock.advance(2)
    assert state(node) == (CLOSED, None, None)
    assert (node.gate.offer, node.announcer.shown) == (None, None)


def test_a_basic_window(node, administrator):
    open_basic(node, administrator, 900)
    assert state(node) == (BASIC, 1, 0xFFF1)
    assert node.announcer.shown == (3840, 1)
    node.clock.advance(901)
    assert state(node) == (CLOSED, None, None)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"pake_passcode_verifier": bytes(96)}, PAKE_ERROR),
        ({"pake_passcode_verifier": bytes(98)}, PAKE_ERROR),
        ({"pake_passcode_verifier": bytes(97)}, PAKE_ERROR),
        ({"iterations": 999}, PAKE_ERROR),
        ({"iterations": 100_001}, PAKE_ERROR),
        ({"salt": bytes(15)}, PAKE_ERROR),
        ({"salt": bytes(33)}, PAKE_ERROR),
        ({"commissioning_timeout": 179}, INVALID),
        ({"commissioning_timeout": 901}, INVALID),
        ({"discriminator": 4096}, INVALID),
        (
            {"iterations": 100_000, "salt": bytes(16), "discriminator": 4095, "commissioning_timeout": 900},
            None,
        ),
    ],
)
def test_what_an_enhanced_window_needs(node, administrator, status_of, changed, status):
    assert status_of(lambda: open_enhanced(node, administrator, **changed)) == status
    assert node.window.is_open is (status is None)


@pytest.mark.parametrize("timeout", [0, 179, 901, 0xFFFF])
def test_how_long_a_basic_window_may_be_open(node, administrator, status_of, timeout):
    assert status_of(open_basic, node, administrator, timeout) == INVALID


def test_one_window_at_a_time(node, administrator, status_of):
    open_enhanced(node, administrator)
    assert status_of(open_enhanced, node, administrator) == BUSY
    assert status_of(open_basic, node, administrator) == BUSY


def test_no_window_while_the_fail_safe_is_armed(node, administrator, status_of):
    node.arm(administrator)
    assert status_of(open_enhanced, node, administrator) == BUSY
    assert status_of(open_basic, node, administrator) == BUSY


def test_revoking(node, administrator, make_authority, status_of):
    open_basic(node, administrator)
    commissioner = node.commissioner()
    node.join(make_authority(2), commissioner)
    assert status_of(node.administrator.handle_revoke_commissioning, administrator) is None
    assert state(node) == (CLOSED, None, None)
    assert not node.fail_safe.is_armed
    assert [fabric.index for fabric in node.fabrics] == [1]
    assert node.sessions.alive == [administrator.session]


def test_nothing_to_revoke(node, administrator, status_of):
    assert status_of(node.administrator.handle_revoke_commissioning, administrator) == NOT_OPEN


def test_revoking_spares_an_administrators_own_fail_safe(node, administrator, status_of):
    node.arm(administrator)
    assert status_of(node.administrator.handle_revoke_commissioning, administrator) == NOT_OPEN
    assert node.fail_safe.is_armed


def test_a_completed_commissioning_closes_the_window(node, administrator, make_authority):
    open_basic(node, administrator)
    node.commission(make_authority(2))
    assert state(node) == (CLOSED, None, None)


def test_a_commissioner_that_fails_leaves_the_window_open_for_the_next(node, administrator, make_authority):
    open_basic(node, administrator)
    commissioner = node.commissioner()
    node.join(make_authority(2), commissioner)
    node.sessions.close(commissioner.session)
    assert state(node)[0] is BASIC
    node.commission(make_authority(3))
    assert state(node)[0] is CLOSED


def test_an_opener_that_leaves_keeps_its_window(node, administrator, make_authority):
    other = node.commission(make_authority(2))
    open_basic(node, other)
    node.credentials.handle_remove_fabric(administrator, RemoveFabricRequest(fabric_index=2))
    assert state(node) == (BASIC, None, 0xFFF1)
    node.administrator.handle_revoke_commissioning(administrator)
    assert state(node) == (CLOSED, None, None)
