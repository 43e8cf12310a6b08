"""The hub's driver of Matter loads in a process and a namespace of its own, asked by lines of JSON.

    driver_process.py ADDRESS

Requests are `{"do": "commission", "code": "..."}`, `{"do": "discover"}`, `{"do": "read", "key": "..."}` and
`{"do": "apply", "key": "...", "kind": "connect", "value": 1, "expires_in": null}`. Each is answered by one
line with a `result` or an `error`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from typing import Any

from hw.matter_server.discover import Servers, commission, discover
from hw.module import ModuleError
from hw.setpoint import Setpoint, SetpointKind


async def answer(address: str, servers: Servers, loads: dict[str, Any], request: dict[str, Any]) -> Any:
    """Do what is asked."""
    match request["do"]:
        case "commission":
            return await commission(address, request["code"], servers)
        case "discover":
            found = await discover(address, servers)
            loads.update({load.identity.key: load for load in found})
            return [dataclasses.asdict(load.identity) | {"key": load.identity.key} for load in found]
        case "read":
            return dataclasses.asdict(await loads[request["key"]].read())
        case "apply":
            kind = SetpointKind(request["kind"])
            setpoint = Setpoint(kind, request.get("value"), request.get("expires_in"))
            return dataclasses.asdict(await loads[request["key"]].apply(setpoint))
        case what:
            raise ModuleError(f"nobody can {what}")


async def main(address: str) -> None:
    """Answer until the input ends."""
    servers, loads = Servers(), dict[str, Any]()
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            said = {"result": await answer(address, servers, loads, json.loads(line))}
        except ModuleError as error:
            said = {"error": str(error)}
        sys.stdout.write(json.dumps(said, default=str) + "\n")
        sys.stdout.flush()
    for load in loads.values():
        await load.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
