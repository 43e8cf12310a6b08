"""A simulated plug: a Shelly Plus Plug S on HTTP, as the vendor documents the RPC of generation 2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hw.simulator.http_server import HttpServer
from hw.simulator.world import PLUG_PHASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hw.simulator.loads import WaterHeater
    from hw.simulator.supply import Wires

INVALID_ARGUMENT, NO_HANDLER = -103, 404
INITIAL_STATES = {"off": False, "on": True, "restore_last": None}


class RpcError(Exception):
    """A call that the device refuses."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class PlugDevice:
    """One plug: its methods."""

    KIND = "load"
    MODEL = "PlusPlugS"

    def __init__(self, load: WaterHeater, wires: Wires, mac: str, now: Callable[[], object]) -> None:
        """`now` lets the world live up to the present."""
        self.load = load
        self.serial = mac
        self._wires = wires
        self._now = now
        self._source = "init"
        self._methods = {
            "Shelly.GetDeviceInfo": self._device_info,
            "Shelly.GetStatus": lambda _: {"switch:0": self._status({"id": 0}), "sys": {"mac": self.serial}},
            "Switch.GetConfig": self._config,
            "Switch.SetConfig": self._set_config,
            "Switch.GetStatus": self._status,
            "Switch.Set": self._set,
            "Sys.GetStatus": self._system,
        }

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Do what a method does. Raise RpcError."""
        handler = self._methods.get(method)
        if handler is None:
            raise RpcError(NO_HANDLER, f"No handler for {method}")
        if method.startswith("Switch.") and parameters.get("id") != 0:
            raise RpcError(INVALID_ARGUMENT, "Argument 'id', value not valid!")
        self._now()
        return handler(parameters)

    def _device_info(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": None,
            "id": f"shellyplusplugs-{self.serial.lower()}",
            "mac": self.serial,
            "slot": 0,
            "model": "SNPL-00112EU",
            "gen": 2,
            "fw_id": "20240430-105751/1.3.1-gd8534ee",
            "ver": "1.3.1",
            "app": self.MODEL,
            "auth_en": False,
            "auth_domain": None,
        }

    def _config(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": 0,
            "name": None,
            "initial_state": next(name for name, on in INITIAL_STATES.items() if on is self.load.initial),
            "auto_on": False,
            "auto_off": False,
            "power_limit": 2500,
            "voltage_limit": 280,
            "current_limit": 12.0,
        }

    def _set_config(self, parameters: dict[str, Any]) -> dict[str, Any]:
        config = parameters.get("config")
        state = config.get("initial_state") if isinstance(config, dict) else None
        if not isinstance(state, str) or state not in INITIAL_STATES:
            raise RpcError(INVALID_ARGUMENT, "Argument 'config', value not valid!")
        self.load.initial = INITIAL_STATES[state]
        return {"restart_required": False}

    def _system(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"mac": self.serial, "uptime": int(self.load.up_s), "reset_reason": 1}

    def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        load, volts = self.load, self._wires.voltages_v[PLUG_PHASE]
        timer = {}
        if load.timer.left > 0:
            timer = {"timer_started_at": 0.0, "timer_duration": round(load.timer_set_s, 2)}
        return {
            "id": 0,
            "source": self._source,
            "output": load.output,
            **timer,
            "apower": round(load.power_w - load.STANDBY_W, 1),
            "voltage": round(volts, 1),
            "freq": round(self._wires.frequency_hz, 1),
            "current": round((load.power_w - load.STANDBY_W) / volts, 3) if volts else 0.0,
            "aenergy": {"total": round(load.energy_wh, 3), "by_minute": [0.0, 0.0, 0.0], "minute_ts": 0},
            "temperature": {"tC": 38.5, "tF": 101.3},
        }

    def _set(self, parameters: dict[str, Any]) -> dict[str, Any]:
        on, after = parameters.get("on"), parameters.get("toggle_after")
        if not isinstance(on, bool):
            raise RpcError(INVALID_ARGUMENT, "Missing or bad argument 'on'!")
        if after is not None and not (isinstance(after, int | float) and after > 0):
            raise RpcError(INVALID_ARGUMENT, "Argument 'toggle_after', value not valid!")
        was_on = self.load.output
        self.load.switch(on=on, flip_back_s=after)
        self._source = "HTTP_in"
        return {"was_on": was_on}


class PlugServer(HttpServer):
    """One plug on one port."""

    device: PlugDevice

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the two ways to call a method."""
        return [web.post("/rpc", self._frame), web.get("/rpc/{method}", self._query)]

    async def _frame(self, request: web.Request) -> web.Response:
        """Answer a JSON-RPC frame."""
        try:
            frame = await request.json()
            number, method, parameters = frame.get("id"), frame["method"], frame.get("params", {})
        except (ValueError, KeyError, AttributeError):
            return web.json_response({"code": INVALID_ARGUMENT, "message": "bad frame"}, status=500)
        head = {"id": number, "src": f"shellyplusplugs-{self.device.serial.lower()}"}
        try:
            result = await self._call(method, parameters)
        except RpcError as error:
            return web.json_response({**head, "error": {"code": error.code, "message": str(error)}})
        return web.json_response({**head, "result": result})

    async def _query(self, request: web.Request) -> web.Response:
        """Answer a call by its address: `/rpc/Switch.Set?id=0&on=true`, as a person types it."""
        parameters = {}
        for name, text in request.query.items():
            try:
                parameters[name] = json.loads(text)
            except ValueError:
                parameters[name] = text
        try:
            return web.json_response(await self._call(request.match_info["method"], parameters))
        except RpcError as error:
            return web.json_response({"code": error.code, "message": str(error)}, status=500)

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        await self.dawdle()
        if self.exception is not None:
            raise RpcError(self.exception, "simulated")
        return self.device.call(method, parameters)
