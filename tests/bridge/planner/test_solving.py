"""The planning process: the real one, and ones that go wrong."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.planner import solving
from bridge.planner.plan import HomePlan
from bridge.planner.question import AskedBattery, AskedBefore, Question, Recorded, steps_from
from bridge.planner.solving import WORKER, PlanningProcess, SolveError
from bridge.planner.worker import reply

ROOT = Path(__file__).parents[3]


def question():
    start, steps = steps_from(1_782_000_000)
    cheap = tuple(0.1 if number < 20 or number >= len(steps) - 12 else 0.4 for number in range(len(steps)))
    battery = AskedBattery("b", 10_000.0, 2_000.0, 4_000.0, 4_000.0, 1_000.0, 0.95, 0.95, 0.02, True, False)
    return Question(
        start=start,
        steps_s=steps,
        zone="Europe/Berlin",
        import_price=cheap,
        export_price=(0.05,) * len(steps),
        currency="EUR",
        feed_in_counts=True,
        load_w=800.0,
        production_w=0.0,
        peak_w=0.0,
        place=None,
        batteries=(battery,),
        backup_hours=None,
        recorded=None,
    )


def python(*lines):
    return (sys.executable, "-c", "\n".join(lines))


def worker(*body):
    """A process that does something for each line that it is asked, with `number` at hand."""
    lines = (
        "import json, os, signal, sys, time",
        "for count, line in enumerate(sys.stdin):",
        "    number = json.loads(line)['number']",
        *(f"    {line}" for line in body),
        "    sys.stdout.flush()",
    )
    return python(*lines)


ECHO = "print(json.dumps({'number': number, 'told': os.getpid()}))"


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.01)


@pytest.fixture
async def process():
    """The real one."""
    process = PlanningProcess()
    yield process
    await process.stop()


@pytest.fixture
async def make():
    made = []

    def make(worker=WORKER, **options):
        made.append(PlanningProcess(worker=worker, **options))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


async def test_the_real_process_plans_to_charge_while_it_is_cheap_and_to_serve_while_it_is_dear(process):
    plan = await process.plan(question(), 120)
    cheap, dear = plan.steps[:20], plan.steps[20:-12]
    assert sum(step.storage_w * step.duration / 3600 for step in cheap) > 5_000
    assert sum(step.storage_w * step.duration / 3600 for step in dear) < -5_000
    assert plan.exact
    assert all(battery.sentence for step in plan.steps for battery in step.batteries.values())
    for step in plan.steps:
        assert step.grid_w == pytest.approx(step.load_w + step.solar_w + step.storage_w, abs=0.01)
    assert plan == HomePlan.from_json(plan.to_json())
    for bad in ("NaN", "Infinity", "null", '"5"'):
        said = plan.to_json().replace(b'"load_w":', f'"load_w":{bad},"ignored":'.encode(), 1)
        with pytest.raises(ValueError, match="plan"):
            HomePlan.from_json(said)


def test_the_question_survives_its_way():
    before = AskedBefore(1_782_000_000, (300, 900), {"b": (500.0, -20.0)})
    recorded = Recorded("telemetry.db", ("meter",), ("east", "west"), ())
    full = replace(question(), before=before, recorded=recorded, place=(52.0, 13.0))
    assert Question.from_json(full.to_json()) == full
    assert Question.from_json(question().to_json()) == question()


async def test_a_resident_process_is_there_before_it_is_asked_and_stays(make):
    process = make()
    process.start()
    await until(lambda: process.pid is not None)
    first = process.pid
    absurd = replace(question(), load_w=math.nan)
    with pytest.raises(SolveError, match="Error"):
        await process.plan(absurd, 120)
    # A question that cannot be answered is no reason to go.
    assert (await process.plan(question(), 120)).exact
    assert process.pid == first
    await process.stop()
    assert process.pid is None
    assert not is_there(first)


async def test_a_warm_process_answers_in_a_fraction_of_the_time_that_starting_one_takes(make):
    process, cold = make(), make(resident=False)
    await process.plan(question(), 120)

    async def timed(which):
        started = time.perf_counter()
        await which.plan(question(), 120)
        return time.perf_counter() - started

    assert min([await timed(process) for _ in range(5)]) < min([await timed(cold) for _ in range(2)]) / 3


async def test_one_that_is_not_resident_is_gone_after_each_question(make):
    process = make(worker(ECHO), resident=False)
    process.start()
    pids = [await process.ask("plan", {}, 60) for _ in range(2)]
    assert pids[0] != pids[1]
    assert process.pid is None
    await until(lambda: not any(map(is_there, pids)))


async def test_questions_that_come_together_are_answered_one_after_the_other(make):
    process = make(worker("time.sleep(0.05)", "print(json.dumps({'number': number, 'told': number}))"))
    assert await asyncio.gather(*(process.ask("plan", {}, 60) for _ in range(5))) == [1, 2, 3, 4, 5]


async def test_a_process_that_hangs_is_killed_in_time_and_another_one_is_ready(make):
    process = make(worker("time.sleep(0 if count == 0 else 600)", ECHO))
    first = await process.ask("plan", {}, 60)
    with pytest.raises(SolveError, match="longer than 1 s"):
        await process.ask("plan", {}, 1)
    assert not is_there(first)
    await until(lambda: process.pid is not None)
    assert await process.ask("plan", {}, 60) == process.pid != first


async def test_a_process_that_does_not_even_read_is_killed_in_time(make):
    process = make(python("import time", "time.sleep(600)"))
    process.start()
    await until(lambda: process.pid is not None)
    pid = process.pid
    with pytest.raises(SolveError, match="longer than 1 s"):
        await process.ask("plan", {"filling": "x" * 1_000_000}, 1)
    assert not is_there(pid)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        ("raise MemoryError('too big')", "ended with 1: MemoryError: too big"),
        ("print('nonsense')", "said something else"),
        ("print('[]')", "said something else"),
        ("print('[' * 100_000)", "said something else"),
        ("print(json.dumps({'number': number + 1, 'told': 1}))", "answers another question"),
        ("print(json.dumps({'number': number}))", "answers another question"),
        ("print('x' * 20_000_000)", "said more than"),
        ("while True: os.write(2, b'x' * 4096); print('y' * 9_000_000)", "said more than"),
        ("sys.exit()", "ended with 0"),
    ],
)
async def test_a_process_that_crashes_or_babbles_is_an_error_with_its_cause(make, line, complaint):
    process = make(worker(line))
    with pytest.raises(SolveError, match=complaint):
        await process.ask("plan", {}, 60)


async def test_what_is_no_plan_is_an_error_and_the_process_is_replaced(make):
    process = make(worker("print(json.dumps({'number': number, 'told': {'steps': []}}))"))
    with pytest.raises(SolveError, match="said something else"):
        await process.plan(question(), 60)


async def test_one_that_dies_of_a_question_has_a_successor_that_answers_it(make, tmp_path):
    mark = tmp_path / "died"
    process = make(
        worker(
            f"died = os.path.exists({str(mark)!r})",
            f"open({str(mark)!r}, 'w').close()",
            "died or os.kill(os.getpid(), signal.SIGKILL)",
            ECHO,
        )
    )
    assert await process.ask("plan", {}, 60) > 0


async def test_one_that_is_killed_while_it_waits_is_replaced_before_it_is_missed(make):
    process = make()
    await process.plan(question(), 120)
    first = process.pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: process.pid not in {None, first})
    assert (await process.plan(question(), 120)).exact


async def test_one_that_has_answered_much_or_grown_large_is_replaced(make, monkeypatch):
    process = make(worker(ECHO))
    monkeypatch.setattr(solving, "MOST_ANSWERS", 2)
    pids = [await process.ask("plan", {}, 60) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    large = make(worker("kept = bytearray(40_000_000)", ECHO))
    monkeypatch.setattr(solving, "MOST_MEMORY", 30_000_000)
    assert await large.ask("plan", {}, 60) != await large.ask("plan", {}, 60)


async def test_a_process_that_cannot_be_started_is_an_error_too(make):
    process = make(("/nowhere/python",))
    process.start()
    with pytest.raises(SolveError, match="cannot be started"):
        await process.plan(question(), 60)


@pytest.mark.parametrize("busy", [False, True])
def test_it_ends_with_a_hub_that_is_killed(busy):
    hub = python(
        "import asyncio, sys",
        "from bridge.planner.solving import PlanningProcess",
        "async def live():",
        "    process = PlanningProcess()",
        "    process.start()",
        "    while process.pid is None: await asyncio.sleep(0.01)",
        # An endless one would be as well; the error says that it reads.
        "    await asyncio.gather(process.ask('nothing', {}, 60), return_exceptions=True)",
        "    print(process.pid, flush=True)",
        "    await asyncio.sleep(600)",
        "asyncio.run(live())",
    )
    with subprocess.Popen(hub, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        pid = int(running.stdout.readline())
        if busy:
            # It cannot see its input end then.
            os.kill(pid, signal.SIGSTOP)
        running.kill()
    deadline = time.monotonic() + 10
    while is_there(pid):
        assert time.monotonic() < deadline, "it outlived its hub"
        time.sleep(0.01)


@given(st.binary(max_size=200))
def test_whatever_the_process_is_asked_it_answers_a_line(line):
    said = json.loads(reply(line))
    assert set(said) == {"number", "error"}


def test_the_process_takes_little_of_the_processor_and_of_the_memory():
    asked = b'{"number": 1, "ask": "nothing", "about": {}}\n'
    code = (
        "import os, resource, sys, bridge.planner.worker as worker",
        "worker.main()",
        "limit, _ = resource.getrlimit(resource.RLIMIT_DATA)",
        "print(os.getpriority(os.PRIO_PROCESS, 0), limit, file=sys.stderr)",
    )
    done = subprocess.run(python(*code), input=asked, capture_output=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == {"number": 1, "error": "KeyError: 'nothing'"}
    niceness, memory = map(int, done.stderr.split())
    assert niceness >= 10
    assert memory == 1024**3


def test_the_hub_has_neither_numpy_nor_scipy_nor_the_solver_in_its_memory():
    lines = (
        "import sys",
        "import bridge.app, bridge.hub, bridge.planner.planner, bridge.planner.told, bridge.cli_plan",
        "heavy = [name for name in sys.modules if name.split('.')[0] in {'numpy', 'scipy'}]",
        "heavy += [name for name in ('optimizer.solve', 'bridge.planner.worker') if name in sys.modules]",
        "print(heavy)",
    )
    found = subprocess.run(python(*lines), capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"
