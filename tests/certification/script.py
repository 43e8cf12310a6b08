"""One run of one script: its command line, its verdicts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from interop.network import Side

PRIVATE_ROOT = Path(__file__).parents[1] / "interop" / "private_root.sh"
RESTART = "restart"
"""The file that a script writes among its logs to have the device restarted."""
_GRACE = 30.0
"""Seconds beyond its own timeout that a script may take to start and to end."""
_COMMISSIONING = "test_run_commissioning"
_REMARK = "INFO Remark: "
"""What begins a line that belongs in the table whatever the verdict."""
_VERDICTS = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one method of a script ended.

    :ivar method: without `test_`; `script` where that is about the script as a whole
    :ivar verdict: pass, fail, skip, error or timeout
    :ivar step: the last one that it entered
    :ivar note: what it said
    """

    method: str
    verdict: str
    seconds: float
    step: str = ""
    note: str = ""


class StoppedError(Exception):
    """Somebody wants the run to end."""


def run(
    side: Side,
    command: Sequence[str],
    logs: Path,
    limit: float,
    stop: threading.Event,
    restart: Callable[[str], None],
) -> list[Outcome]:
    """Run a script on a side of the network and read what came of it.

    The controller keeps counters in `/data`: it sees a root of its own, with that folder in `logs`.

    :param limit: seconds that the script was given for itself
    :param restart: restarts the device as the file `RESTART` says, Reboot or FactoryReset; then the file goes
    :raises StoppedError: `stop` was set meanwhile
    """
    wanted = logs / RESTART
    root, data, output = logs / "root", logs / "data", logs / "output.log"
    for folder in (root, data):
        folder.mkdir(parents=True, exist_ok=True)
    private = ["unshare", "--mount", "sh", str(PRIVATE_ROOT), str(root), str(data)]
    started = time.monotonic()
    with output.open("wb") as log:
        process = side.popen([*private, *command], stdout=log.fileno(), stderr=subprocess.STDOUT)
        try:
            while process.poll() is None and time.monotonic() < started + limit + _GRACE:
                if stop.wait(0.1):
                    raise StoppedError
                if wanted.exists() and (how := wanted.read_text(encoding="ascii")):
                    restart(how)
                    wanted.unlink()
            code = process.poll()
        finally:
            _end(process)
    summary = logs / "MatterTest" / "latest" / "test_summary.yaml"
    return judge(
        code,
        time.monotonic() - started,
        summary.read_text(errors="replace") if summary.exists() else "",
        output.read_text(encoding="utf-8", errors="replace"),
    )


def judge(code: int | None, seconds: float, summary: str, output: str) -> list[Outcome]:
    """Return how a script's methods ended, and how the script did where that says more.

    :param code: exit code of the script, None if it had to be stopped
    """
    outcomes = read_summary(summary, output)
    note = last_complaint(output)
    if code is None:
        outcomes.append(Outcome("script", "timeout", seconds, _last_step(output), note))
    elif not outcomes or (code != 0 and all(outcome.verdict in {"pass", "skip"} for outcome in outcomes)):
        outcomes.append(Outcome("script", "error", seconds, _last_step(output), f"exit code {code}: {note}"))
    return outcomes


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a script, with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


def read_summary(summary: str, output: str) -> list[Outcome]:
    """Read Mobly's summary: one outcome for each method, without the commissioning."""
    steps = _steps(output)
    outcomes = []
    for record in yaml.safe_load_all(summary):
        if not isinstance(record, dict) or record.get("Type") != "Record":
            continue
        name = record["Test Name"]
        if name == _COMMISSIONING:
            continue
        outcomes.append(_outcome(record, name, steps.get(name, ""), output))
    return outcomes


def _outcome(record: dict[str, Any], name: str, step: str, output: str) -> Outcome:
    verdict = _VERDICTS.get(record["Result"], "error")
    begin, end = record.get("Begin Time"), record.get("End Time")
    seconds = (end - begin) / 1000 if begin and end else 0.0
    details, trace = record.get("Details") or "", record.get("Stacktrace") or ""
    if verdict in {"fail", "error"} and "TimeoutError" in details + trace and not details.strip():
        verdict = "timeout"
    note = "".join(re.findall(rf"{_REMARK}(.+)", output)[-1:])
    if verdict != "pass":
        note = shortened("; ".join([details or last_complaint(output), *_problems(output)]))
    return Outcome(name.removeprefix("test_"), verdict, seconds, step, note)


def _steps(output: str) -> dict[str, str]:
    """Return the last step that each method entered."""
    steps: dict[str, str] = {}
    method = ""
    for line in output.splitlines():
        if match := re.search(r"INFO \[Test\] (\w+)$", line):
            method = match[1]
        elif match := re.search(r"INFO \*{5} Test Step (\S+)", line):
            steps[method] = match[1]
    return steps


def _last_step(output: str) -> str:
    return next(reversed(_steps(output).values()), "")


def _problems(output: str) -> list[str]:
    """Return what the scripts that judge the whole data model list as errors, each kind once."""
    kinds: dict[str, int] = {}
    is_error = False
    for line in output.splitlines():
        stripped = line.strip()
        if stripped.startswith("Problem: "):
            is_error = stripped.endswith("ERROR")
        elif stripped.startswith("problem: ") and is_error:
            kinds[stripped[9:]] = kinds.get(stripped[9:], 0) + 1
    return [f"{count}x {kind}" for kind, count in kinds.items()]


def last_complaint(output: str) -> str:
    """Return the last line that names an error, or the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Failure|Interrupt)\b", line)]
    return shortened((errors or lines or ["no output"])[-1])


def shortened(text: str, width: int = 300) -> str:
    """Return a text on one line."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= width else text[: width - 3] + "..."
