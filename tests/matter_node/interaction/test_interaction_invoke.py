"""Invokes and timed interactions (Matter Core 8.6, 8.8)."""

import asyncio

import pytest

from matter_node.interaction import invoke as invoke_module
from matter_node.interaction.access import AccessEntry, AccessTarget
from matter_node.interaction.opcode import Opcode
from matter_node.model import Privilege
from matter_node.status import Status
from matter_node.subject import AuthMode

TOGGLE, ADD, FAIL, BLOB, SLOW, CRASH, LOCKED, RESET = range(8)
ADD_RESPONSE, BLOB_RESPONSE = 0x10, 0x11


async def test_a_command_that_a_status_answers(lab, alice, im):
    exchange = await alice.invoke((im.command(1, im.LAMP, TOGGLE), {}))
    assert im.responses(exchange) == [(None, Status.SUCCESS, None)]
    assert lab.lamp.on is True
    assert exchange.closed


async def test_a_command_that_a_response_answers(alice, im):
    exchange = await alice.invoke((im.command(1, im.LAMP, ADD), {0: 20, 1: 22, 9: "who knows"}, 5))
    assert im.responses(exchange) == [(5, ADD_RESPONSE, {0: 42})]


async def test_fields_may_be_left_out_where_there_are_none(alice, im):
    assert im.responses(await alice.invoke((im.command(1, im.LAMP, TOGGLE), None))) == [
        (None, Status.SUCCESS, None)
    ]


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ((9, 9, 9), {}, Status.UNSUPPORTED_ENDPOINT),
        ((1, 9, 9), {}, Status.UNSUPPORTED_CLUSTER),
        ((1, 6, 99), {}, Status.UNSUPPORTED_COMMAND),
        ((1, 6, LOCKED), {}, Status.NEEDS_TIMED_INTERACTION),
        ((1, 6, ADD), {0: 1}, Status.INVALID_COMMAND),
        ((1, 6, ADD), None, Status.INVALID_COMMAND),
        ((1, 6, ADD), {0: "one", 1: 2}, Status.INVALID_COMMAND),
        ((1, 6, ADD), [1, 2], Status.INVALID_COMMAND),
        ((1, 6, ADD), {0: 101, 1: 2}, Status.CONSTRAINT_ERROR),
        ((1, 6, CRASH), {}, Status.FAILURE),
        ((1, 6, BLOB), {0: 1200}, Status.RESOURCE_EXHAUSTED),
    ],
)
async def test_refusals(alice, im, path, fields, status):
    assert im.responses(await alice.invoke((im.command(*path), fields))) == [(None, status, None)]


async def test_all_changes_of_a_command_are_one_version(lab, alice, im):
    version = lab.lamp.data_version
    await alice.invoke((im.command(1, im.LAMP, 8), {}))
    assert (lab.lamp.on, lab.lamp.label, lab.lamp.level) == (True, "flash", 100)
    assert lab.lamp.data_version == (version + 1) % (1 << 32)
    await alice.invoke((im.command(1, im.LAMP, 0), {}))
    await alice.invoke((im.command(1, im.LAMP, 0), {}))
    assert lab.lamp.data_version == (version + 3) % (1 << 32)


@pytest.mark.parametrize("claimed", [{}, {0xFE: 2}])
async def test_what_a_command_brings_belongs_to_the_fabric_that_sends_it(lab, alice, im, claimed):
    await alice.invoke((im.command(1, im.DIARY, 1), {0: {1: "hello", **claimed}}))
    assert [(note.text, note.fabric_index) for note in lab.diary.notes] == [("hello", 1)]


async def test_a_cluster_may_have_its_own_status(alice, im):
    assert im.responses(await alice.invoke((im.command(1, im.LAMP, FAIL), {}))) == [
        (None, Status.FAILURE, 0x42)
    ]


@pytest.mark.parametrize("path", [(1, 6, 0), (1, 6, 99), (1, 99, 0), (99, 6, 0)])
async def test_who_may_not_operate_does_not_learn_what_exists(lab, alice, im, path):
    lab.grant((Privilege.VIEW,))
    assert im.responses(await alice.invoke((im.command(*path), {}))) == [
        (None, Status.UNSUPPORTED_ACCESS, None)
    ]
    assert lab.lamp.calls == []


async def test_a_command_may_take_more_than_operate(lab, alice, im):
    lab.grant((Privilege.OPERATE,))
    assert im.responses(await alice.invoke((im.command(1, im.LAMP, RESET), {}))) == [
        (None, Status.UNSUPPORTED_ACCESS, None)
    ]


async def test_a_fabric_scoped_command_needs_a_fabric(lab, im):
    commissioner = lab.client(pase=True)
    assert im.responses(await commissioner.invoke((im.command(1, im.DIARY, 0), {}))) == [
        (None, Status.UNSUPPORTED_ACCESS, None)
    ]


async def test_a_suppressed_status_is_not_sent_but_a_response_is(lab, alice, im):
    exchange = await alice.invoke((im.command(1, im.LAMP, TOGGLE), {}), suppress=True)
    assert exchange.sent == []
    assert exchange.closed
    assert lab.lamp.calls == ["toggle"]
    exchange = await alice.invoke((im.command(1, im.LAMP, ADD), {0: 1, 1: 2}), suppress=True)
    assert im.responses(exchange) == [(None, ADD_RESPONSE, {0: 3})]


# ---------------------------------------------------------------------- batches


async def test_a_batch_is_run_in_order_and_answered_one_by_one(lab, alice, im):
    exchange = await alice.invoke(
        (im.command(1, im.LAMP, ADD), {0: 1, 1: 2}, 10),
        (im.command(1, im.LAMP, TOGGLE), {}, 20),
        (im.command(1, im.LAMP, 99), {}, 30),
        (im.command(2, im.LAMP, TOGGLE), {}, 40),
    )
    assert im.responses(exchange) == [
        (10, ADD_RESPONSE, {0: 3}),
        (20, Status.SUCCESS, None),
        (30, Status.UNSUPPORTED_COMMAND, None),
        (40, Status.SUCCESS, None),
    ]
    assert lab.lamp.calls == ["add", "toggle"]


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [(1, TOGGLE, 1), (2, TOGGLE, None)],
        [(1, TOGGLE, 1), (2, TOGGLE, 1)],
        [(1, TOGGLE, 1), (1, TOGGLE, 2)],
        [(1, TOGGLE, 1), (None, TOGGLE, 2)],
        [(1, number, number) for number in range(invoke_module.MAX_PATHS_PER_INVOKE + 1)],
    ],
)
async def test_a_batch_that_breaks_the_rules_is_not_run_at_all(lab, alice, im, calls):
    exchange = await alice.invoke(
        *[
            (im.command(endpoint, im.LAMP, command), {}, *([] if reference is None else [reference]))
            for endpoint, command, reference in calls
        ]
    )
    assert exchange.status is Status.INVALID_ACTION
    assert lab.lamp.calls == []


async def test_answers_that_do_not_fit_come_in_further_messages(alice, im):
    blob = im.command(1, im.LAMP, BLOB)
    exchange = await alice.invoke(
        (blob, {0: 700}, 1),
        (im.command(2, im.LAMP, BLOB), {0: 700}, 2),
        (im.command(1, im.LAMP, ADD), {0: 1, 1: 1}, 3),
    )
    assert len(exchange.sent) == 1
    assert exchange.last[1][2] is True
    exchange.confirm()
    assert 2 not in exchange.last[1]
    assert [reference for reference, *_ in im.responses(exchange)] == [1, 2, 3]
    assert exchange.closed


async def test_a_client_that_does_not_confirm_gets_no_more(lab, alice, im):
    def calls():
        return [(im.command(n, im.LAMP, BLOB), {0: 700}, n) for n in (1, 2)]

    exchange = await alice.invoke(*calls())
    exchange.confirm(Status.FAILURE)
    assert (len(exchange.sent), exchange.closed) == (1, True)
    exchange = await alice.invoke(*calls())
    lab.clock.advance(60)
    assert (len(exchange.sent), exchange.closed) == (1, True)


@pytest.mark.parametrize("length", range(1125, 1150))
async def test_at_every_boundary_an_answer_fits_or_is_refused(alice, im, length):
    exchange = await alice.invoke((im.command(1, im.LAMP, BLOB), {0: length}, 1))
    ((_, told, content),) = im.responses(exchange)
    assert content == {0: bytes(length)} if told == BLOB_RESPONSE else told is Status.RESOURCE_EXHAUSTED
    assert (told == BLOB_RESPONSE) is (length <= 1139)


# ---------------------------------------------------------------------- time


async def test_a_slow_command_keeps_nobody_else_waiting(lab, alice, im):
    slow = await alice.invoke((im.command(1, im.LAMP, SLOW), {}))
    assert slow.sent == []
    assert im.responses(await alice.invoke((im.command(1, im.LAMP, TOGGLE), {})))
    lab.lamp.gate.set()
    await im.settle()
    assert im.responses(slow) == [(None, Status.SUCCESS, None)]


async def test_a_command_that_hangs_is_given_up(alice, im, monkeypatch):
    monkeypatch.setattr(invoke_module, "COMMAND_SECONDS", 0.01)
    exchange = await alice.invoke((im.command(1, im.LAMP, SLOW), {}))
    async with asyncio.timeout(10):
        while not exchange.sent:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.01)
    assert im.responses(exchange) == [(None, Status.TIMEOUT, None)]


async def test_a_command_whose_client_is_gone_runs_to_its_end(lab, alice, im):
    exchange = await alice.invoke((im.command(1, im.LAMP, SLOW), {}))
    exchange.lose()
    lab.lamp.gate.set()
    await im.settle()
    assert lab.lamp.calls == ["slow"]
    assert exchange.sent == []


async def test_what_is_to_wait_for_the_response_waits_for_its_arrival(lab, alice, im):
    exchange = await alice.invoke((im.command(1, im.LAMP, RESET), {}))
    assert im.responses(exchange) == [(None, Status.SUCCESS, None)]
    assert lab.lamp.calls == ["reset"]
    exchange.acknowledge()
    assert lab.lamp.calls == ["reset", "after reset"]


@pytest.mark.parametrize("how", ["lost", "suppressed"])
async def test_or_for_the_certainty_that_none_arrives(lab, alice, im, how):
    exchange = await alice.invoke((im.command(1, im.LAMP, RESET), {}), suppress=how == "suppressed")
    if how == "lost":
        exchange.lose()
    assert lab.lamp.calls == ["reset", "after reset"]


async def test_what_fails_afterwards_stops_nothing_else(lab, alice, im, monkeypatch):
    def handle(self, context):
        context.after_response(lambda: 1 / 0)
        context.after_response(lambda: self.calls.append("still"))

    monkeypatch.setattr(type(lab.lamp), "handle_reset", handle)
    exchange = await alice.invoke((im.command(1, im.LAMP, RESET), {}))
    exchange.acknowledge()
    assert lab.lamp.calls == ["still"]


async def test_a_write_can_wait_for_its_response_too(lab, alice, im, monkeypatch):
    done = []
    monkeypatch.setattr(
        type(lab.lamp),
        "write_label",
        lambda self, context, value: context.after_response(lambda: done.append(value)),
        raising=False,
    )
    exchange = alice.write((im.attribute(1, im.LAMP, 1), "x"))
    assert done == []
    exchange.acknowledge()
    assert done == ["x"]


# ---------------------------------------------------------------------- wildcards and groups


async def test_a_wildcard_runs_where_it_can(lab, alice, im):
    exchange = await alice.invoke((im.command(None, im.LAMP, TOGGLE), {}))
    assert im.responses(exchange) == [(None, Status.SUCCESS, None)] * 2
    assert (lab.lamp.on, lab.second_lamp.on) == (True, True)


async def test_a_group_commands_its_members_in_silence(lab, im):
    lab.groups.members[1, 7] = [1]
    entry = AccessEntry(1, Privilege.OPERATE, AuthMode.GROUP, (7,), (AccessTarget(cluster=6),))
    lab.access.replace([entry])
    kitchen = lab.group_client(7)
    await kitchen.invoke((im.command(None, im.LAMP, TOGGLE), {}))
    assert (lab.lamp.on, lab.second_lamp.on) == (True, False)
    await kitchen.invoke((im.command(1, im.LAMP, TOGGLE), {}))
    await lab.group_client(8).invoke((im.command(None, im.LAMP, TOGGLE), {}))
    await kitchen.invoke((im.command(None, im.LAMP, RESET), {}))
    assert lab.lamp.calls == ["toggle"]


# ---------------------------------------------------------------------- timed


async def test_a_timed_command(lab, alice, im):
    exchange = alice.timed(500)
    assert exchange.status is Status.SUCCESS
    lab.clock.advance(0.499)
    await alice.invoke((im.command(1, im.LAMP, LOCKED), {}), timed=True, exchange=exchange)
    assert im.responses(exchange) == [(None, Status.SUCCESS, None)]
    assert lab.lamp.calls == ["locked"]


async def test_a_timed_command_that_comes_too_late(lab, alice, im):
    exchange = alice.timed(500)
    lab.clock.advance(0.501)
    await alice.invoke((im.command(1, im.LAMP, LOCKED), {}), timed=True, exchange=exchange)
    assert exchange.status is Status.TIMEOUT
    assert lab.lamp.calls == []
    assert exchange.closed


def test_a_timed_write(lab, alice, im):
    write = (im.attribute(2, im.VAULT, 0), 1234)
    exchange = alice.timed(500)
    alice.write(write, timed=True, exchange=exchange)
    assert im.statuses(exchange) == [Status.SUCCESS]
    assert lab.vault.pin == 1234


async def test_the_flag_has_to_tell_the_truth(lab, alice, im):
    call, write = (im.command(1, im.LAMP, TOGGLE), {}), (im.attribute(1, im.LAMP, 0), True)
    assert (await alice.invoke(call, timed=True)).status is Status.TIMED_REQUEST_MISMATCH
    assert alice.write(write, timed=True).status is Status.TIMED_REQUEST_MISMATCH
    exchange = alice.timed(500)
    assert (await alice.invoke(call, exchange=exchange)).status is Status.TIMED_REQUEST_MISMATCH
    exchange = alice.timed(500)
    assert alice.write(write, exchange=exchange).status is Status.TIMED_REQUEST_MISMATCH
    assert lab.lamp.on is False


def test_a_timed_write_is_one_message(alice, im):
    exchange = alice.timed(500)
    alice.write((im.attribute(1, im.LAMP, 0), True), timed=True, more=True, exchange=exchange)
    assert exchange.status is Status.INVALID_ACTION


def test_nothing_but_writes_and_commands_is_timed(alice):
    exchange = alice.timed(500)
    exchange.say(Opcode.READ_REQUEST, {3: True})
    assert exchange.status is Status.INVALID_ACTION
    assert exchange.closed


def test_a_timed_request_that_nothing_follows_ends(lab, alice):
    exchange = alice.timed(500)
    lab.clock.advance(60)
    assert exchange.closed


def test_groups_are_not_timed(lab):
    assert lab.group_client(1).timed(500).sent == []
