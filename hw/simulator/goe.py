"""A simulated go-eCharger Gemini on HTTP, as the vendor documents the API v2 and its keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hw.simulator.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hw.simulator.charging_point import ChargingPoint
    from hw.simulator.supply import Wires

IDLE, CHARGING, WAIT_CAR, COMPLETE, ERROR = range(1, 6)
"""What `car` says."""


class RefusedError(Exception):
    """A value that the charger does not take for a key."""


class ChargerDevice:
    """One charger: its keys."""

    KIND = "evse"
    MODEL = "go-eCharger_V4"

    def __init__(self, point: ChargingPoint, wires: Wires, serial: str, now: Callable[[], object]) -> None:
        """`now` lets the world live up to the present."""
        self.point = point
        self.serial = serial
        self.garbage = False
        """Whether it answers with what no key can be."""
        self._wires = wires
        self._now = now

    def status(self) -> dict[str, Any]:
        """Return all keys that it has."""
        self._now()
        point = self.point
        values = {
            "oem": "go-e",
            "typ": self.MODEL,
            "sse": self.serial,
            "fwv": "59.4",
            "fna": "",
            "var": 11,
            "ama": point.INSTALLED_A,
            "mca": point.LEAST_A,
            "amp": point.requested_a,
            "tcl": point.temporary_a,
            "frc": point.force,
            "alw": point.allowed,
            "acu": point.limit_a if point.allowed and point.car.plugged else None,
            "amt": 32,
            "adi": False,
            "cbl": 20 if point.car.plugged else None,
            "car": self._car(),
            "err": point.error,
            "nrg": self._energies(),
            "fhz": round(self._wires.frequency_hz, 3),
            "pha": [point.current_a > 0] * 3 + [True] * 3,
            "wh": round(point.session_wh, 3),
            "eto": int(point.energy_wh),
            "tma": [round(point.temperature_c + 2, 2), round(point.temperature_c, 2)],
            "psm": 2,
        }
        return dict.fromkeys(values, "\x00") | {"sse": self.serial} if self.garbage else values

    def set(self, key: str, text: str) -> None:
        """Set a key to a value in JSON. Raise RefusedError."""
        self._now()
        try:
            value = json.loads(text)
        except ValueError:
            raise RefusedError(f"{key}: could not parse {text}") from None
        point = self.point
        match key:
            case "frc":
                point.force = _within(key, value, 0, 2)
            case "amp":
                point.requested_a = _within(key, value, point.LEAST_A, 32)
            case "tcl":
                point.limit(None if value is None else _within(key, value, point.LEAST_A, 32))
            case _:
                raise RefusedError(f"{key}: tried to set api key without setter ({text})")

    def _car(self) -> int:
        point = self.point
        if point.error:
            return ERROR
        if not point.car.plugged:
            return IDLE
        if point.current_a > 0:
            return CHARGING
        return COMPLETE if point.has_charged else WAIT_CAR

    def _energies(self) -> list[float]:
        point = self.point
        voltages = [round(voltage, 1) for voltage in point.voltages_v]
        powers = [round(power, 1) for power in point.powers_w]
        factors = [99.0 if point.current_a else 0.0] * 3
        return [
            *voltages,
            0,
            *[round(point.current_a, 2)] * 3,
            *powers,
            0,
            round(sum(powers), 1),
            *factors,
            0,
        ]


class ChargerServer(HttpServer):
    """One charger on one port."""

    device: ChargerDevice

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the two resources of the API v2."""
        return [web.get("/api/status", self._status), web.get("/api/set", self._set)]

    async def _status(self, request: web.Request) -> web.Response:
        """Answer the keys that the filter names and that there are, with 400 if there are not all."""
        await self.dawdle()
        if self.exception is not None:
            return web.Response(text="couldn't take api lock in 3s, please try again later", status=500)
        values = self.device.status()
        wanted = [key for key in request.query.get("filter", "").split(",") if key] or list(values)
        found = {key: values[key] for key in wanted if key in values}
        return web.json_response(found, status=200 if len(found) == len(wanted) else 400)

    async def _set(self, request: web.Request) -> web.Response:
        """Answer true for each key that was set, and the reason for each that was not."""
        await self.dawdle()
        answer: dict[str, object] = {}
        for key, text in request.query.items():
            try:
                if self.exception is not None:
                    raise RefusedError(f"{key}: failed: simulated ({self.exception})")  # noqa: TRY301 - one of the ways to be refused
                self.device.set(key, text)
                answer[key] = True
            except RefusedError as error:
                answer[key] = str(error)
        refused = any(result is not True for result in answer.values())
        return web.json_response(answer, status=500 if refused else 200)


def _within(key: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise RefusedError(f"{key}: failed: Value {value} exceeds range {low} to {high} ({value})")
    return value
