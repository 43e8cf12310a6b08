"""Run a simulated home: `python -m hw.simulator --modules 4`.

The first line of output is JSON with the devices' addresses. With `--control`, commands come as JSON lines on
standard input, each answered by one line, and the end of input ends the home: it cannot outlive its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from hw.simulator.home import RunningHome
from hw.simulator.world import DEFAULT_START, Home, World


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m hw.simulator", description="A simulated home on Modbus TCP."
    )
    parser.add_argument("--modules", type=int, default=4, help="how many modules, 1 to 1000 (default 4)")
    parser.add_argument("--plugs", type=int, default=0, help="how many plugs besides, 0 to 100 (default 0)")
    parser.add_argument("--evse", type=int, default=0, help="how many chargers, 0 to 10 (default 0)")
    parser.add_argument("--battery-kw", type=float, help="power of the battery (default 2.5)")
    parser.add_argument("--seed", type=int, default=1, help="of clouds and household (default 1)")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds a second (default 1)")
    parser.add_argument(
        "--start-time",
        type=_start_time,
        default=DEFAULT_START,
        help="simulated UTC at the start, ISO 8601 or `now` (default a morning in June)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port-base", type=int, default=15020, help="first port; 0 takes free ones")
    parser.add_argument("--control", action="store_true", help="take commands on standard input")
    options = parser.parse_args(arguments)
    if options.battery_kw is not None and not 0.1 <= options.battery_kw <= 100:
        parser.error(f"a battery has 0.1 to 100 kW, not {options.battery_kw:g}")
    ports = options.modules + options.plugs + options.evse
    if not 0 <= options.port_base <= 65535 - ports:
        parser.error(f"--port-base {options.port_base} leaves no room for {ports} ports")
    return options


def _start_time(text: str) -> datetime:
    if text == "now":
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)


async def answer(home: RunningHome, line: str) -> dict[str, Any]:
    """Do one command and return its answer, `{"error": ...}` when it cannot be done."""
    try:
        command = json.loads(line)
        match command["do"]:
            case "fault":
                await home.fault(command["serial"], command["kind"], command.get("value"))
            case "heal":
                await home.heal(command["serial"])
            case "car":
                home.car(command["serial"], bool(command["plugged"]), command.get("needs_wh"))
            case "outage":
                await home.outage(meter_silent=bool(command.get("meter_silent")))
            case "grid":
                await home.grid(sag_v=float(command.get("sag_v", 0.0)))
            case "charge":
                home.charge(float(command["soc_percent"]))
            case "skip":
                home.skip(float(command["seconds"]))
            case "state":
                return home.state()
            case other:
                return {"error": f"no command {other}"}
    except KeyError as error:
        return {"error": f"nothing called {error}"}
    except (ValueError, TypeError, OSError) as error:
        return {"error": str(error)}
    return {}


async def control(home: RunningHome, done: asyncio.Event) -> None:
    """Answer commands until the input ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        say(await answer(home, line.decode("utf-8", "replace")))
    done.set()


def say(message: dict[str, Any]) -> None:
    """Write one line of JSON."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> None:
    """Run the home until a signal or the end of the control input."""
    composition = Home.of(options.modules, options.plugs, options.evse)
    world = World(composition, seed=options.seed, start=options.start_time, speed=options.speed)
    if world.battery is not None and options.battery_kw is not None:
        world.battery.power_max_w = 1000 * options.battery_kw
    home = RunningHome(world, host=options.host, port_base=options.port_base)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    await home.start()
    say({"devices": home.describe(), "pid": os.getpid()})
    tasks = [asyncio.create_task(home.run())]
    if options.control:
        tasks.append(asyncio.create_task(control(home, done)))
    await done.wait()
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await home.stop()


def main() -> None:
    """Run from the command line."""
    options = parse()
    # A listener and a connection for each module, and some of everything else.
    need = (options.modules + options.plugs + options.evse) * 3 + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(need, hard), hard))
    try:
        asyncio.run(run(options))
    except (OSError, ValueError) as error:
        sys.exit(f"simulated home: {error}")


if __name__ == "__main__":
    main()
