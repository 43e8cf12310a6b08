"""The steps of TC_IDM_1_2 and TC_IDM_1_4 that the controller's release on PyPI is built without.

They are taken here on the hub's endpoint 0, in a session that an administrator has commissioned.
"""

import pytest
from node_lab.whole import same_world, settle

from device_types.root_node import RootNodeOptions, root_node
from matter_node.codec import tlv
from matter_node.ids import ProtocolId
from matter_node.interaction.invoke import MAX_PATHS_PER_INVOKE
from matter_node.interaction.messages import status_response
from matter_node.interaction.opcode import Opcode
from matter_node.status import Status

KEY = bytes(range(16))
REVOKE_COMMISSIONING = (0x3C, 0x02, {})
ARM_FAIL_SAFE = (0x30, 0x00, {0: 0, 1: 0})
DAC = (0x3E, 0x02, {0: 1})
KEY_SET = (0x3F, 0x04, {0: 0})
UNKNOWN = 0xFFF4_00FF


class Invoker:
    """Sends invokes as they come, right or wrong, and gathers every message of the answer."""

    def __init__(self, node, session):
        self._node = node
        self._session = session
        self._messages = []

    async def send(self, *calls, references=None, timed=False, before=0):
        """Return (opcode, message) of all that answered; `before` is a timed request's time in ms."""
        self._messages = []
        exchange = self._node.layer.open_exchange(self._session, ProtocolId.INTERACTION_MODEL, self)
        if before:
            exchange.send(Opcode.TIMED_REQUEST, tlv.encode({0: before, 0xFF: 12}))
            await settle()
            assert self._messages.pop() == (Opcode.STATUS_RESPONSE, {0: 0, 0xFF: 12})
        requests = []
        for number, (cluster, command, fields, *endpoint) in enumerate(calls):
            path = tlv.TlvList([(0, endpoint[0] if endpoint else 0), (1, cluster), (2, command)])
            reference = number if references is None else references[number]
            requests.append({0: path, 1: fields, 2: reference})
        exchange.send(Opcode.INVOKE_REQUEST, tlv.encode({0: False, 1: timed, 2: requests, 0xFF: 12}))
        await settle()
        return self._messages

    async def status(self, *calls, **options):
        """Return the status that refuses the whole message, or that of a single call."""
        ((opcode, message),) = await self.send(*calls, **options)
        if opcode == Opcode.STATUS_RESPONSE:
            return Status(message[0])
        (answer,) = message[1]
        return Status(answer[1][1][0])

    def on_message(self, exchange, opcode, payload):
        message = tlv.decode(payload)
        self._messages.append((opcode, message))
        if message.get(2):  # MoreChunkedMessages
            exchange.send(Opcode.STATUS_RESPONSE, status_response(0))

    def on_acknowledged(self, exchange):
        pass

    def on_failed(self, exchange):
        pass


def answers(messages):
    """Return (reference, cluster, command or None, fields or status) of every call's answer."""
    found = []
    for opcode, message in messages:
        assert opcode == Opcode.INVOKE_RESPONSE
        for response in message[1]:
            (kind, body), *_ = response.items()
            path = dict(body[0])
            what = body.get(1, {})
            found.append((body[2], path[1], path[2] if kind == 0 else None, what))
    return found


@pytest.fixture
async def invoker():
    world = same_world()()

    def make_node(seed, groups=None):
        node = type(world).make_node(world, seed, groups)
        node.tree.remove(0)
        node.tree.add(root_node(node, world.clock, world.attestation, RootNodeOptions(enable_key=KEY)))
        return node

    world.node = make_node(0)
    await world.node.start()
    peer = await world.commission()
    return Invoker(world.controller, peer.session)


# ---------------------------------------------------------------------- TC_IDM_1_2


@pytest.mark.parametrize("call", [ARM_FAIL_SAFE, REVOKE_COMMISSIONING])
async def test_step_8_a_timed_flag_without_a_timed_request(invoker, call):
    assert await invoker.status(call, timed=True) is Status.TIMED_REQUEST_MISMATCH


async def test_step_9_a_command_that_has_to_be_timed(invoker):
    assert await invoker.status(REVOKE_COMMISSIONING) is Status.NEEDS_TIMED_INTERACTION


# ---------------------------------------------------------------------- TC_IDM_1_4


async def test_step_2_more_paths_than_allowed(invoker):
    calls = [(0x06, UNKNOWN, {}, endpoint) for endpoint in range(MAX_PATHS_PER_INVOKE + 1)]
    assert await invoker.status(*calls) is Status.INVALID_ACTION


async def test_step_3_the_same_path_twice(invoker):
    assert await invoker.status((0x28, 0, {}), (0x28, 0, {})) is Status.INVALID_ACTION


async def test_step_4_the_same_reference_twice(invoker):
    assert await invoker.status(DAC, KEY_SET, references=[1, 1]) is Status.INVALID_ACTION


async def test_step_5_two_valid_paths(invoker):
    found = answers(await invoker.send(DAC, KEY_SET))
    assert [answer[:3] for answer in found] == [(0, 0x3E, 0x03), (1, 0x3F, 0x05)]


async def test_step_6_one_of_them_on_an_endpoint_that_is_not_there(invoker):
    first, second = answers(await invoker.send(DAC, (*KEY_SET, 99)))
    assert first[:3] == (0, 0x3E, 0x03)
    assert (second[0], second[2], second[3][0]) == (1, None, Status.UNSUPPORTED_ENDPOINT)


async def test_step_7_a_batch_with_the_flag_but_no_timed_request(invoker):
    status = await invoker.status(KEY_SET, REVOKE_COMMISSIONING, timed=True)
    assert status is Status.TIMED_REQUEST_MISMATCH


async def test_step_8_a_timed_batch_answers_call_by_call(invoker):
    window_not_open = 4
    first, second = answers(await invoker.send(KEY_SET, REVOKE_COMMISSIONING, timed=True, before=5000))
    assert first[:3] == (0, 0x3F, 0x05)
    assert second == (1, 0x3C, None, {0: Status.FAILURE, 1: window_not_open})


async def test_step_11_answers_that_need_two_messages(invoker):
    messages = await invoker.send((0x33, 0x03, {0: KEY, 1: ord("A"), 2: 800}), DAC)
    first, second = answers(messages)
    assert first == (0, 0x33, 0x04, {0: b"A" * 800})
    assert second[:3] == (1, 0x3E, 0x03)
    assert len(messages) >= 2
