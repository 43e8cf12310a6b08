"""The planning process: the real one, and ones that go wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.planner.plan import HomePlan
from bridge.planner.question import AskedBattery, Question, steps_from
from bridge.planner.solving import SolveError, solve

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


async def test_the_real_process_plans_to_charge_while_it_is_cheap_and_to_serve_while_it_is_dear():
    plan = await solve(question(), 120)
    cheap, dear = plan.steps[:20], plan.steps[20:-12]
    assert sum(step.storage_w * step.duration / 3600 for step in cheap) > 5_000
    assert sum(step.storage_w * step.duration / 3600 for step in dear) < -5_000
    assert plan.exact
    assert all(battery.sentence for step in plan.steps for battery in step.batteries.values())
    for step in plan.steps:
        assert step.grid_w == pytest.approx(step.load_w + step.solar_w + step.storage_w, abs=0.01)
    assert plan == HomePlan.from_json(plan.to_json())


def test_the_question_survives_its_way():
    assert Question.from_json(question().to_json()) == question()


async def test_a_process_that_hangs_is_killed_in_time(tmp_path):
    note = tmp_path / "pid"
    hanging = python(
        "import os, pathlib, time",
        f"pathlib.Path({str(note)!r}).write_text(str(os.getpid()))",
        "time.sleep(600)",
    )
    with pytest.raises(SolveError, match="longer than 2 s"):
        await solve(question(), 2, worker=hanging)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        ("raise MemoryError('too big')", "ended with 1: MemoryError: too big"),
        ("print('nonsense')", "said something else"),
        ("print('[]')", "said something else"),
        ("print('{\"steps\": []}')", "said something else"),
        ("pass", "said something else"),
    ],
)
async def test_a_process_that_crashes_or_babbles_is_an_error_with_its_cause(line, complaint):
    with pytest.raises(SolveError, match=complaint):
        await solve(question(), 60, worker=python(line))


async def test_a_process_that_cannot_be_started_is_one_too():
    with pytest.raises(SolveError, match="cannot be started"):
        await solve(question(), 60, worker=("/nowhere/python",))


async def test_numbers_that_are_none_make_no_plan():
    plan = await solve(question(), 120)
    for bad in ("NaN", "Infinity", "null", '"5"'):
        said = plan.to_json().replace(b'"load_w":', f'"load_w":{bad},"ignored":'.encode(), 1)
        with pytest.raises(ValueError, match="plan"):
            HomePlan.from_json(said)


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
