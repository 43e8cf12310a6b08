"""A Matter server on a real WebSocket that says what a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

from aiohttp import WSMsgType, web

from matter_server_lab.nodes import node

INFO = {
    "fabric_id": 1,
    "compressed_fabric_id": 0x3FEC_7B03_B7CF_2597,
    "schema_version": 11,
    "min_supported_schema_version": 9,
    "sdk_version": "2024.11.4",
    "wifi_credentials_set": False,
    "thread_credentials_set": False,
    "bluetooth_enabled": False,
}


class Refused:
    def __init__(self, code, details):
        self.code, self.details = code, details


class MatterServerDouble:
    """A Matter server whose devices do what they are told, unless a test says otherwise."""

    def __init__(self):
        self.info = dict(INFO)
        self.first = None
        self.nodes = {1: node()}
        self.waiting = None
        self.said = {}
        self.then = {}
        self.silent = set()
        self.deaf = False
        self.asked = []
        self.sockets = []
        self.connections = 0
        self.url = ""
        self._runner = None

    async def start(self, port=0):
        application = web.Application()
        application.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}/ws"

    async def stop(self):
        for socket in self.sockets:
            with contextlib.suppress(ConnectionError):
                await socket.close()
        self.sockets.clear()
        await self._runner.cleanup()

    async def tell(self, event, data):
        await self.say(json.dumps({"event": event, "data": data}))

    async def say(self, text):
        for socket in self.sockets:
            await (socket.send_bytes(text) if isinstance(text, bytes) else socket.send_str(text))

    async def set(self, number, path, value):
        self.nodes[number]["attributes"][path] = value
        await self.tell("attribute_updated", [number, path, value])

    async def _serve(self, request):
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.connections += 1
        self.sockets.append(socket)
        if self.first is not None:
            await (socket.send_bytes if isinstance(self.first, bytes) else socket.send_str)(self.first)
        elif not self.deaf:
            await socket.send_json(self.info)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._answer(socket, json.loads(frame.data))
        return socket

    async def _answer(self, socket, request):
        command, arguments = request["command"], request.get("args", {})
        self.asked.append((command, arguments))
        if command in self.silent:
            return
        if command in self.said:
            answer = self.said[command]
        else:
            answer = await getattr(self, f"_{command}")(**arguments)
        if isinstance(answer, Refused):
            answer = {"error_code": answer.code, "details": answer.details}
        else:
            answer = {"result": answer}
        await socket.send_json({"message_id": request["message_id"], **answer})
        for event, data in self.then.get(command, ()):
            await self.tell(event, data)

    async def _start_listening(self):
        return list(self.nodes.values())

    async def _get_nodes(self):
        return list(self.nodes.values())

    async def _get_node(self, node_id):
        return self.nodes.get(node_id) or Refused(
            5, f"Node {node_id} does not exist or is not yet interviewed"
        )

    async def _read_attribute(self, node_id, attribute_path):
        attributes = self.nodes[node_id]["attributes"]
        failure = {"TLVValue": None, "Reason": "InteractionModelError: UnsupportedAttribute (0x86)"}
        return {path: attributes.get(path, failure) for path in attribute_path}

    async def _device_command(self, node_id, endpoint_id, cluster_id, command_name, payload):
        if not self.nodes[node_id]["available"]:
            return Refused(3, f"Node {node_id} is not (yet) available.")
        await self.set(node_id, f"{endpoint_id}/{cluster_id}/0", command_name == "On")
        return None

    async def _write_attribute(self, node_id, attribute_path, value):
        await self.set(node_id, attribute_path, value)
        return [{"Path": {}, "Status": 0}]

    async def _commission_with_code(self, code, network_only):
        if self.waiting is None:
            return Refused(1, "Commission with code failed for node 2.")
        made, self.waiting = self.waiting, None
        self.nodes[made["node_id"]] = made
        await self.tell("node_added", made)
        return made

    async def _remove_node(self, node_id):
        del self.nodes[node_id]
        await self.tell("node_removed", node_id)

    async def _ping_node(self, node_id):
        return {"fe80::1": True, "10.0.0.7": False}


async def until(condition, seconds=5):
    """Wait for something that happens in a moment."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def heard(module):
    """Wait until a module's driver has taken everything that the server has said so far."""
    await module._server._client.get_nodes()


def connection_of(module):
    """The connection that a module shares."""
    return module._server._client.connection
