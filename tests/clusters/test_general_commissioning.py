"""The fail-safe as administrators see it, and the end of a commissioning."""

import pytest

from clusters.definitions.general_commissioning import (
    CommissioningErrorEnum,
    RegulatoryLocationTypeEnum,
    SetRegulatoryConfigRequest,
)
from matter_node.status import Status

OK, BUSY = CommissioningErrorEnum.OK, CommissioningErrorEnum.BUSY_WITH_OTHER_ADMIN
NODE = 0x1234


def test_what_commissioners_are_told(node):
    info = node.general.basic_commissioning_info
    assert (info.fail_safe_expiry_length_seconds, info.max_cumulative_failsafe_seconds) == (60, 900)
    assert node.general.supports_concurrent_connection is True


# ---------------------------------------------------------------------- ArmFailSafe


def test_a_commissioner_finds_the_fail_safe_armed(node):
    node.commissioner()
    assert node.fail_safe.is_armed_for(0)
    node.clock.advance(59)
    assert node.fail_safe.is_armed
    node.clock.advance(2)
    assert not node.fail_safe.is_armed
    assert node.sessions.alive == []


def test_arming_sets_the_breadcrumb_and_expiry_resets_it(node, authority):
    administrator = node.commission(authority)
    assert node.arm(administrator, 20, breadcrumb=5) is OK
    assert node.general.breadcrumb == 5
    node.clock.advance(21)
    assert node.general.breadcrumb == 0
    assert not node.fail_safe.is_armed


def test_nothing_to_expire(node, authority):
    administrator = node.commission(authority)
    node.general.breadcrumb = 9
    assert node.arm(administrator, 0, breadcrumb=5) is OK
    assert node.general.breadcrumb == 9


def test_expiring_at_once(node, authority):
    administrator = node.commission(authority)
    node.arm(administrator, 60, breadcrumb=5)
    assert node.arm(administrator, 0, breadcrumb=6) is OK
    assert not node.fail_safe.is_armed
    assert node.general.breadcrumb == 0
    node.answered(administrator)
    assert administrator.session in node.sessions.alive


def test_extending_restarts_the_timer_within_the_limit(node, authority):
    administrator = node.commission(authority)
    node.arm(administrator, 60)
    node.clock.advance(50)
    assert node.arm(administrator, 900) is OK
    node.clock.advance(849)
    assert node.fail_safe.is_armed
    node.clock.advance(2)
    assert not node.fail_safe.is_armed


def test_shortening(node, authority):
    administrator = node.commission(authority)
    node.arm(administrator, 900)
    node.arm(administrator, 1)
    node.clock.advance(1.5)
    assert not node.fail_safe.is_armed


def test_another_administrator_is_told_to_wait(node, make_authority):
    first, second = node.commission(make_authority(1)), node.commission(make_authority(2))
    node.arm(first, 60, breadcrumb=1)
    assert node.arm(second, 60, breadcrumb=2) is BUSY
    assert node.arm(second, 0, breadcrumb=2) is BUSY
    assert node.general.breadcrumb == 1
    assert node.fail_safe.is_armed_for(first.fabric_index)


def test_an_open_window_reserves_the_fail_safe_for_who_comes(node, authority):
    administrator = node.commission(authority)
    node.window.open_basic(180, node.fabrics.get(1))
    assert node.arm(administrator, 60, breadcrumb=1) is BUSY
    commissioner = node.commissioner()
    assert node.arm(commissioner, 60) is OK
    assert node.arm(administrator, 60) is BUSY


def test_a_commissioner_that_expires_the_fail_safe_is_let_go_after_the_answer(node, authority):
    context = node.commissioner()
    node.join(authority, context)
    context = node.answered(context)
    assert node.arm(context, 0) is OK
    assert node.credentials.read_fabrics(context) == ()
    assert node.credentials.read_trusted_root_certificates(context) == ()
    assert context.session in node.sessions.alive
    assert context.session.subject.fabric_index == 0
    node.answered(context)
    assert node.sessions.alive == []


def test_an_update_that_expires_ends_the_fabrics_sessions(node, authority):
    administrator = node.commission(authority)
    before = node.fabrics.get(1)
    node.arm(administrator)
    node.update_noc(administrator, authority.noc(node.csr(administrator, for_update=True), node_id=99))
    assert node.fabrics.get(1).node_id == 99
    late = node.administrator_of(1)
    assert node.arm(administrator, 0) is OK
    assert node.fabrics.get(1) == before
    assert late.session not in node.sessions.alive
    assert administrator.session in node.sessions.alive
    node.answered(administrator)
    assert administrator.session not in node.sessions.alive


def test_a_commissioner_that_hangs_up_has_given_up(node, authority):
    context = node.commissioner()
    node.join(authority, context)
    node.sessions.close(context.session)
    assert not node.fail_safe.is_armed
    assert len(node.fabrics) == 0
    assert node.acl.acl == ()
    assert node.state.group_keys.ids(1) == ()


# ---------------------------------------------------------------------- CommissioningComplete


def complete(node, context):
    return node.general.handle_commissioning_complete(context).error_code


def test_completing(node, authority):
    node.window.open_uncommissioned()
    commissioner = node.commissioner()
    index = node.join(authority, commissioner)
    node.general.breadcrumb = 4
    administrator = node.administrator_of(index)
    assert complete(node, administrator) is OK
    assert not node.fail_safe.is_armed
    assert not node.window.is_open
    assert node.general.breadcrumb == 0
    assert node.sessions.alive == [administrator.session]
    node.clock.advance(1000)
    assert [fabric.index for fabric in node.restarted().fabrics] == [index]


def test_completing_what_was_not_begun(node, authority):
    administrator = node.commission(authority)
    assert complete(node, administrator) is CommissioningErrorEnum.NO_FAIL_SAFE


def test_only_the_fabrics_administrator_completes(node, make_authority):
    first = node.commission(make_authority(1))
    context = node.commissioner()
    node.join(make_authority(2), context)
    invalid = CommissioningErrorEnum.INVALID_AUTHENTICATION
    assert complete(node, first) is invalid
    assert complete(node, node.answered(context)) is invalid
    assert node.fail_safe.is_armed
    assert complete(node, node.administrator_of(2)) is OK


# ---------------------------------------------------------------------- SetRegulatoryConfig


def regulate(node, place, country, breadcrumb=1):
    request = SetRegulatoryConfigRequest(
        new_regulatory_config=place, country_code=country, breadcrumb=breadcrumb
    )
    return node.general.handle_set_regulatory_config(node.commissioner(), request).error_code


def test_place_and_country(node):
    assert regulate(node, 1, "DE", 3) is OK
    assert node.general.regulatory_config is RegulatoryLocationTypeEnum.OUTDOOR
    assert node.basic.location == "DE"
    assert node.general.breadcrumb == 3
    assert node.restarted().basic.location == "DE"


@pytest.mark.parametrize("country", ["", "XX"])
def test_a_commissioner_that_does_not_know_the_country(node, country):
    regulate(node, 0, "DE")
    assert regulate(node, 0, country) is OK
    assert node.basic.location == "DE"


def test_a_place_there_is_not(node):
    assert regulate(node, 3, "DE", 9) is CommissioningErrorEnum.VALUE_OUTSIDE_RANGE
    assert (node.general.breadcrumb, node.basic.location) == (0, "XX")


@pytest.mark.parametrize("country", ["D", "DEU", "Ñá"])
def test_a_country_has_two_letters(node, status_of, country):
    assert status_of(regulate, node, 0, country) == (Status.CONSTRAINT_ERROR, None)
    assert node.basic.location == "XX"
