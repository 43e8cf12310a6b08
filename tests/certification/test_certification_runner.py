"""The certification runner: what it makes of the catalogue, of a hub's PICS, and of a script's output."""

import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from certification import catalogue, report, script
from certification.catalogue import Case, Correction, Fault, NotRun, Place, Preconditions
from certification.checkout import Checkout, CheckoutError
from certification.device import Composition, Model
from certification.report import Row
from certification.runner import Run, Runner, not_run_rows
from certification.script import Outcome

CATALOGUE = Path(__file__).parent / "catalogue.json"

SUMMARY = """\
---
Requested Tests:
- test_run_commissioning
Type: TestNameList
...
---
Begin Time: 1000
Details: null
End Time: 1500
Result: PASS
Stacktrace: null
Test Name: test_run_commissioning
Type: Record
...
---
Begin Time: 2000
Details: '45 != 11 Unexpected error while

    sending'
End Time: 4500
Result: FAIL
Stacktrace: "Traceback"
Test Name: test_TC_X_1_1
Type: Record
...
"""
OUTPUT = """\
[MatterTest] 11-23 14:54:05.382 INFO [Test] test_TC_X_1_1
[MatterTest] 11-23 14:54:05.383 INFO ***** Test Step 1 : Read
[MatterTest] 11-23 14:54:05.582 INFO ***** Test Step 2 : Write
"""
SCRIPT = '''
class TC_X_1_1:
    def pics_TC_X_1_1(self):
        """Needs PWRTL.S and more."""
        return ["EPM.S", "EPM.S.F01"]
    def pics_TC_X_1_2(self):
        return ["MCORE.FS"]
    def steps_TC_X_1_1(self):
        return ["DEM.S"]
'''


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "src" / "python_testing").mkdir(parents=True)
    (tmp_path / "src" / "python_testing" / "TC_X_1_1.py").write_text(SCRIPT)
    return Checkout(tmp_path, tmp_path / "environment")


@pytest.fixture
def runner(checkout, tmp_path):
    """A runner for a hub with two meters below the root, one of them with alternating current."""
    composition = Composition(
        {
            0: frozenset({"DESC.S", "MCORE.BRIDGE"}),
            2: frozenset({"DESC.S", "EPM.S"}),
            3: frozenset({"DESC.S", "EPM.S", "EPM.S.F01", "EPM.S.A0004"}),
        }
    )
    return Runner(checkout, {(): Model(None, composition)}, tmp_path, lambda row: None)


def x_test(**more):
    return Case("TC_X_1_1", "about", "TC_X_1_1", **more)


def test_the_catalogue_is_well_formed():
    loaded = catalogue.load(CATALOGUE)
    assert len(loaded.tests) > 100
    names = [test.name for test in loaded.tests] + [name for entry in loaded.not_run for name in entry.names]
    assert len(names) == len(set(names))
    assert all(entry.reason for entry in loaded.not_run)


def test_a_wrong_entry_is_named(tmp_path):
    path = tmp_path / "catalogue.json"
    path.write_text('{"tests": [{"test": "TC_A", "about": "a", "limits": 3}], "not_run": []}')
    with pytest.raises(ValueError, match=r"TC_A.*limits"):
        catalogue.load(path)


def test_a_folder_that_is_no_checkout_is_refused(checkout):
    with pytest.raises(CheckoutError, match="lacks src/python_testing/matter_testing_infrastructure"):
        checkout.check()


def test_a_script_says_what_it_needs(checkout):
    assert checkout.preconditions("TC_X_1_1", "test_TC_X_1_1") == ["EPM.S", "EPM.S.F01"]
    assert checkout.preconditions("TC_X_1_1", "test_TC_X_1_2") == ["MCORE.FS"]


def test_a_test_runs_where_its_preconditions_hold(runner):
    (row,) = runner.plan(x_test(methods=("test_TC_X_1_2",)))
    assert (row.verdict, row.note) == (
        "not applicable",
        "the hub has no MCORE.FS, the script's own precondition",
    )
    (run,) = runner.plan(x_test(cluster="EPM", methods=("test_TC_X_1_1",)))
    assert run.endpoint == 3


def test_each_endpoint_with_the_cluster_gets_its_run(runner):
    runs = runner.plan(x_test(cluster="EPM", place=Place.EACH, methods=("test_other",)))
    assert [run.endpoint for run in runs] == [2, 3]
    assert [run.name for run in runs] == ["TC_X_1_1.other@2", "TC_X_1_1.other@3"]


@pytest.mark.parametrize(
    ("need", "note"),
    [
        ({"cluster": "DEM"}, "the hub has no DEM.S, which the script uses"),
        ({"cluster": "EPM", "needs": ("EPM.S.A0009",)}, "the hub has no EPM.S.A0009, which"),
        ({"cluster": "EPM", "features": (3, 4)}, "the hub has no EPM.S.F03 or EPM.S.F04, which"),
    ],
)
def test_what_the_hub_lacks_is_said(runner, need, note):
    (row,) = runner.plan(x_test(methods=("test_other",), **need))
    assert row.verdict == "not applicable"
    assert row.note.startswith(note)


def test_a_script_that_the_checkout_lacks_is_not_run(runner):
    (row,) = runner.plan(Case("TC_Y", "about", "TC_Y"))
    assert (row.verdict, row.note) == ("not run", "not in this checkout")


def test_a_reason_for_not_running_has_to_be_true(runner):
    (row,) = not_run_rows([NotRun(("TC_Z",), "no radio", ("CNET.S.F00",))], runner.models[()].composition)
    assert row.note == "no radio (asks for CNET.S.F00)"
    with pytest.raises(ValueError, match=r"the hub has EPM.S.F01 now"):
        list(not_run_rows([NotRun(("TC_Z",), "no current", ("EPM.S.F01",))], runner.models[()].composition))


def test_the_summary_tells_verdict_step_and_time():
    (outcome,) = script.read_summary(SUMMARY, OUTPUT)
    assert (outcome.method, outcome.verdict, outcome.step, outcome.seconds) == ("TC_X_1_1", "fail", "2", 2.5)
    assert outcome.note == "45 != 11 Unexpected error while sending"


def test_a_script_that_had_to_be_stopped_is_a_timeout_whatever_passed_before():
    passed = SUMMARY.replace("FAIL", "PASS")
    assert [outcome.verdict for outcome in script.judge(0, 9.0, passed, OUTPUT)] == ["pass"]
    verdicts = [(outcome.method, outcome.verdict) for outcome in script.judge(None, 9.0, passed, OUTPUT)]
    assert verdicts == [("TC_X_1_1", "pass"), ("script", "timeout")]


def test_a_script_that_fails_without_saying_where_is_an_error():
    passed = SUMMARY.replace("FAIL", "PASS")
    assert script.judge(1, 9.0, passed, OUTPUT)[-1].verdict == "error"
    (outcome,) = script.judge(1, 9.0, "", "ImportError: no module")
    assert (outcome.verdict, outcome.note) == ("error", "exit code 1: ImportError: no module")
    (outcome,) = script.judge(0, 9.0, "", OUTPUT)
    assert outcome.verdict == "error"
    assert [outcome.verdict for outcome in script.judge(1, 9.0, SUMMARY, OUTPUT)] == ["fail"]


@pytest.mark.parametrize(
    ("step", "text", "verdict"), [("2", "45 != 11", "fault"), ("3", "45 != 11", "fail"), ("2", "46", "fail")]
)
def test_a_known_fault_is_one_only_at_its_own_place(runner, step, text, verdict):
    test = x_test(methods=("test_TC_X_1_2",), faults=(Fault("", step, text, "the controller lacks it"),))
    (run,) = runner.plan(x_test(cluster="EPM", methods=("test_other",)))
    run = type(run)(test, run.name, run.endpoint, run.method)
    (outcome,) = script.read_summary(SUMMARY, OUTPUT)
    assert runner._row(run, outcome, alone=True).verdict == verdict


def test_the_table_counts_and_escapes(tmp_path):
    rows = [Row("TC_A", "pass", 1.0, "", "reads"), Row("TC_B", "fail", 1.0, "a | b", "writes")]
    report.write(tmp_path / "report", rows, "abc")
    text = (tmp_path / "report.md").read_text()
    assert "1 pass, 1 fail" in text
    assert "| TC_A | pass | reads |" in text
    assert "| TC_B | fail | writes; a \\| b |" in text


def test_endpoints_that_say_the_same_share_a_line(tmp_path):
    rows = [Row(f"TC_A@{end}", verdict, 1.0, "", "reads") for end, verdict in ((2, "pass"), (3, "pass"))]
    report.write(tmp_path / "report", [*rows, Row("TC_A@4", "fail", 1.0, "step 2: x", "reads")], "abc")
    text = (tmp_path / "report.md").read_text()
    assert "| TC_A | pass on 2 endpoints | reads |" in text
    assert "| TC_A@4 | fail | reads; step 2: x |" in text
    assert "2 pass, 1 fail" in text


def test_tests_that_one_reason_keeps_out_share_a_line(tmp_path):
    report.write(tmp_path / "report", [Row(name, "not run", 0.0, "no radio", "") for name in "AB"], "abc")
    assert "| A, B | not run | no radio |" in (tmp_path / "report.md").read_text()


def test_a_yaml_test_lists_its_preconditions(checkout):
    path = checkout.script("Test_TC_X_2_1")
    path.parent.mkdir(parents=True)
    path.write_text("PICS:\n  - OO.S\n  - 'OO.S.F00 || LVL.S'\ntests: []\n")
    assert checkout.preconditions("Test_TC_X_2_1") == ["OO.S"]


def test_a_correction_is_made_in_a_copy(checkout, tmp_path):
    wrong = Correction("EPM.S", "EEM.S", "it is about energy")
    copy = checkout.corrected("TC_X_1_1", [wrong], tmp_path)
    assert copy.read_text() == SCRIPT.replace("EPM.S", "EEM.S")
    assert checkout.script("TC_X_1_1").read_text() == SCRIPT
    assert checkout.corrected("TC_X_1_1", [], tmp_path) == checkout.script("TC_X_1_1")


def test_a_correction_that_finds_nothing_is_an_error(checkout, tmp_path):
    with pytest.raises(CheckoutError, match=r"TC_X_1_1\.py does not contain 'endpoint=1'"):
        checkout.corrected("TC_X_1_1", [Correction("endpoint=1", "endpoint=2", "a constant")], tmp_path)


def test_preconditions_that_a_script_states_by_mistake_are_replaced(runner):
    meant = Preconditions(("EPM.S",), "it names what it does not need")
    runs = runner.plan(x_test(cluster="EPM", place=Place.EACH, preconditions=meant))
    assert [run.endpoint for run in runs] == [2, 3]


def test_codes_that_only_a_person_knows_are_added_to_those_of_the_hub(runner):
    (run,) = runner.plan(x_test(cluster="EPM", methods=("test_TC_X_1_2",), pics=("MCORE.FS",)))
    assert run.endpoint == 2


def test_a_test_can_ask_for_a_hub_with_other_settings(runner):
    setting = (("ORES_BRIDGE_PROVISIONAL", "true"),)
    more = Composition({**runner.models[()].composition.endpoints, 4: frozenset({"EPREF.S"})})
    runner = replace(runner, models={**runner.models, setting: Model(None, more)})
    (row,) = runner.plan(x_test(cluster="EPREF", methods=("test_other",)))
    assert row.verdict == "not applicable"
    (run,) = runner.plan(x_test(cluster="EPREF", methods=("test_other",), environment=setting))
    assert run.endpoint == 4


def test_what_is_to_be_known_of_a_pass_is_in_its_line(runner):
    test = x_test(
        cluster="EPM",
        corrections=(Correction("1", "2", "a constant"), Correction("3", "4", "another")),
        preconditions=Preconditions((), "it names too much"),
        environment=(("ORES_BRIDGE_PROVISIONAL", "true"),),
    )
    run = Run(test, "TC_X_1_1", 2, None)
    row = runner._row(run, Outcome("steps", "pass", 1.0, note="8 steps, 5 more do not apply"), alone=True)
    assert row.note == (
        "8 steps, 5 more do not apply; on a hub with ORES_BRIDGE_PROVISIONAL=true; its precondition is not"
        " the script's: it names too much; with 2 corrections of the script: a constant; another"
    )


def test_a_remark_of_a_script_is_kept(tmp_path):
    output = OUTPUT + "[MatterTest] 11-23 14:54:06.000 INFO Remark: 8 steps\n"
    (outcome,) = script.read_summary(SUMMARY.replace("FAIL", "PASS"), output)
    assert outcome.note == "8 steps"


def test_a_script_can_have_the_device_restarted(tmp_path):
    asks = (
        f"printf Reboot >{tmp_path}/{script.RESTART}; "
        f"while test -e {tmp_path}/{script.RESTART}; do sleep 0.05; done"
    )
    restarts = []

    def popen(argv, **more):
        return subprocess.Popen(argv[-len(command) :], start_new_session=True, **more)

    command = ["sh", "-c", asks]
    here = SimpleNamespace(popen=popen)
    script.run(here, command, tmp_path, 20, threading.Event(), restarts.append)
    assert restarts == ["Reboot"]
