"""Runs the catalogue: several tests at a time, each with a network, a hub and a controller of its own."""

from __future__ import annotations

import json
import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from certification import script
from certification.catalogue import Place
from certification.device import ENABLE_KEY, EVERYBODY_ANSWERS
from certification.report import BAD, Row
from interop.hub import DISCRIMINATOR, PASSCODE
from interop.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from certification.catalogue import Case, NotRun
    from certification.checkout import Checkout
    from certification.device import Composition, Model
    from interop.hub import Hub

CI_ONLY = "PICS_SDK_CI_ONLY"
_READY = "^Manual pairing code:"
_STEPS = Path(__file__).with_name("yaml_steps.py")
"""The script that takes a YAML test's steps."""


@dataclass(frozen=True, slots=True)
class Run:
    """One script to be run once.

    :ivar endpoint: None leaves the choice to the script
    :ivar method: None runs all of them
    """

    test: Case
    name: str
    endpoint: int | None
    method: str | None


@dataclass(frozen=True, slots=True)
class Runner:
    """What every run needs.

    :ivar models: hubs by what their environment has beside that of all
    :ivar folder: where logs and data directories go
    :ivar tell: called with each line as it is known
    :ivar stop: set to end what runs
    """

    checkout: Checkout
    models: Mapping[tuple[tuple[str, str], ...], Model]
    folder: Path
    tell: Callable[[Row], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, tests: Sequence[Case], jobs: int) -> list[Row]:
        """Run tests, the longest first, and return their lines in the catalogue's order."""
        planned = [self.plan(test) for test in tests]
        runs = [part for parts in planned for part in parts if isinstance(part, Run)]
        order = sorted(runs, key=lambda part: -part.test.limit)
        with ThreadPoolExecutor(jobs) as pool:
            futures = {run.name: pool.submit(self.execute, run) for run in order}
            try:
                done = {name: future.result() for name, future in futures.items()}
            except BaseException:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        rows = []
        for part in (part for parts in planned for part in parts):
            rows += done[part.name] if isinstance(part, Run) else [part]
        return rows

    # ------------------------------------------------------------------ which runs a test means

    def plan(self, test: Case) -> list[Run | Row]:
        """Return the runs of a test, or the line that says why it does not apply."""
        if not self.checkout.script(test.script).exists():
            return [Row(test.name, "not run", 0.0, "not in this checkout", test.about)]
        return [part for method in test.methods or (None,) for part in self._plan(test, method)]

    def _plan(self, test: Case, method: str | None) -> Iterator[Run | Row]:
        name = test.name if method is None else f"{test.name}.{method.removeprefix('test_')}"
        composition = self._composition(test)
        endpoints = self._endpoints(test)
        asked = self._asked(test, method)
        able = [end for end in endpoints if asked <= composition.pics(end) | set(test.pics)]
        if not able:
            yield Row(name, "not applicable", 0.0, self._lack(test, asked, endpoints), test.about)
            return
        if test.place is Place.ROOT:
            able = [0]
        elif test.place is Place.FIRST:
            able = able[:1]
        for end in able:
            many = len(able) > 1
            chosen = end if test.cluster or test.place is not Place.FIRST else None
            yield Run(test, f"{name}@{end}" if many else name, chosen, method)

    def _composition(self, test: Case) -> Composition:
        return self.models[test.environment].composition

    def _asked(self, test: Case, method: str | None) -> frozenset[str]:
        if test.exact_pics:
            return frozenset()
        if test.preconditions is not None:
            return frozenset(test.preconditions.codes)
        return frozenset(self.checkout.preconditions(test.script, method))

    def _endpoints(self, test: Case) -> list[int]:
        composition = self._composition(test)
        if not test.cluster:
            return sorted(composition.endpoints) if test.place is Place.EACH else [0]
        needed = [f"{test.cluster}.S", *test.needs]
        options = [f"{test.cluster}.S.F{bit:02x}" for bit in test.features]
        return [
            end
            for end in composition.having(*needed)
            if not options or any(option in composition.endpoints[end] for option in options)
        ]

    def _lack(self, test: Case, asked: frozenset[str], endpoints: list[int]) -> str:
        """Return what the hub lacks for a test, in PICS codes."""
        composition = self._composition(test)
        if endpoints:
            fewest = min((asked - composition.pics(end) for end in endpoints), key=len)
            return f"the hub has no {', '.join(sorted(fewest))}, the script's own precondition"
        lacking = {code for code in asked if not composition.having(code)}
        if lacking:
            return f"the hub has no {', '.join(sorted(lacking))}, the script's own precondition"
        needed = [f"{test.cluster}.S", *test.needs]
        missing = [code for code in needed if not composition.having(code)]
        missing = missing or [f"{test.cluster}.S.F{bit:02x}" for bit in test.features]
        return f"the hub has no {' or '.join(missing)}, which the script uses without asking"

    # ------------------------------------------------------------------ one run

    def execute(self, run: Run) -> list[Row]:
        """Run one script with a new hub on a new network."""
        folder = self.folder / run.name
        shutil.rmtree(folder, ignore_errors=True)
        network = Network.create()
        try:
            hub = self.models[run.test.environment].factory.make(network.hub, folder / "hub")
            try:
                hub.start(until=_READY)
                command = self._command(run, folder, hub)
                outcomes = script.run(
                    network.phone, command, folder / "logs", run.test.limit, self.stop, partial(_restart, hub)
                )
                if not hub.running:
                    outcomes = [*outcomes, script.Outcome("hub", "fail", 0.0, "", "the hub ended by itself")]
            except RuntimeError as error:
                outcomes = [script.Outcome("hub", "error", 0.0, "", script.shortened(str(error)))]
            finally:
                hub.close()
        finally:
            network.close()
        rows = [self._row(run, outcome, alone=len(outcomes) == 1) for outcome in outcomes]
        for row in rows:
            self.tell(row)
        return rows

    def _command(self, run: Run, folder: Path, hub: Hub) -> list[str]:
        test = run.test
        logs = folder / "logs"
        logs.mkdir(parents=True)
        pics = logs / "pics"
        true = self._composition(test).pics(run.endpoint or 0, exact=test.exact_pics)
        codes = sorted(true | set(test.pics) | ({CI_ONLY} if test.ci else set()))
        pics.write_text("".join(f"{code}=1\n" for code in codes), encoding="ascii")
        fill = partial(self._fill, test, run.endpoint or 0, hub.codes().manual)
        path = self.checkout.corrected(test.script, test.corrections, logs)
        command = ["env", f"PYTHONPATH={self.checkout.python_path}", str(self.checkout.python)]
        command += [str(_STEPS if test.is_yaml else path)]
        command += ["--storage-path", str(logs / "controller.json"), "--logs-path", str(logs)]
        command += ["--paa-trust-store-path", str(self.checkout.trusted_roots)]
        command += ["--timeout", str(round(test.own_limit or test.limit)), "--PICS", str(pics)]
        if test.commission:
            command += ["--commissioning-method", "on-network"]
            command += ["--discriminator", str(DISCRIMINATOR), "--passcode", str(PASSCODE)]
        if run.endpoint is not None:
            command += ["--endpoint", str(run.endpoint)]
        if run.method is not None:
            command += ["--tests", run.method]
        if test.is_yaml:
            values = {name: _filled(fill, value) for name, value in test.values}
            command += ["--string-arg", f"yaml:{path}", f"codes:{pics}", f"restart:{logs / script.RESTART}"]
            command += [
                f"definitions:{self.checkout.definitions}",
                "--json-arg",
                f"values:{json.dumps(values)}",
            ]
        return command + [fill(argument) for argument in test.arguments]

    def _fill(self, test: Case, endpoint: int, manual: str, argument: str) -> str:
        """Put values in the place of names in braces."""
        known = {"ep": str(endpoint), "manual": manual, "key": ENABLE_KEY, "sdk": str(self.checkout.path)}

        def value(match: re.Match[str]) -> str:
            if match[1].startswith("ep:"):
                return str(self._composition(test).having(f"{match[1].removeprefix('ep:')}.S")[0])
            return known[match[1]]

        return re.sub(r"\{([a-z]+(?::[A-Z]+)?)\}", value, argument)

    def _row(self, run: Run, outcome: script.Outcome, *, alone: bool) -> Row:
        name = run.name if alone or run.method else f"{run.name}.{outcome.method}"
        note, verdict = outcome.note, outcome.verdict
        if verdict in BAD:
            for fault in run.test.faults:
                here = fault.method in {"", outcome.method} and fault.step == outcome.step
                if here and fault.text in outcome.note:
                    return Row(name, "fault", outcome.seconds, fault.proof, run.test.about)
            note = f"step {outcome.step or '?'}: {note}"
        elif verdict == "pass":
            note = "; ".join(part for part in (note, *_reservations(run.test)) if part)
        return Row(name, verdict, outcome.seconds, note, run.test.about)


def _filled(fill: Callable[[str], str], value: str | int) -> str | int:
    """Return a value of a YAML test; an endpoint is a number."""
    if isinstance(value, int):
        return value
    return int(fill(value)) if value.startswith("{ep") else fill(value)


def _restart(hub: Hub, how: str) -> None:
    hub.terminate()
    if how == "FactoryReset":
        hub.factory_reset()
    hub.start(until=EVERYBODY_ANSWERS)


def _reservations(test: Case) -> Iterator[str]:
    """Yield what is to be known about a pass."""
    if test.environment:
        yield "on a hub with " + ", ".join(f"{name}={value}" for name, value in test.environment)
    if test.preconditions is not None:
        yield f"its precondition is not the script's: {test.preconditions.reason}"
    if test.corrections:
        number = len(test.corrections)
        reasons = "; ".join(correction.reason for correction in test.corrections)
        yield f"with {number} correction{'s' if number > 1 else ''} of the script: {reasons}"


def not_run_rows(entries: Sequence[NotRun], composition: Composition) -> Iterator[Row]:
    """Yield the lines of the tests that are not run; what they ask for must indeed be absent.

    :raises ValueError: the hub has what an entry says that it lacks, so its tests apply
    """
    for entry in entries:
        there = [code for code in entry.without if composition.having(code)]
        if there:
            raise ValueError(
                f"{', '.join(entry.names)}: the hub has {', '.join(there)} now; the test applies"
            )
        asks = f" (asks for {', '.join(entry.without)})" if entry.without else ""
        for name in entry.names:
            yield Row(name, "not run", 0.0, entry.reason + asks, "")
