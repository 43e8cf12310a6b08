"""Scripts that read the Matter data model: conformance by revision, and what a version changes."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch):
    """Import a script by its name."""
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module


def test_a_definition_is_of_one_revision(script):
    at_revision = script("generate_definitions").at_revision

    def judged(conformance, revision):
        return at_revision([{"attributes": [{"conformance": conformance}]}], revision)[0]["attributes"][0][
            "conformance"
        ]

    assert judged("Rev >= v3", 5) == "M"
    assert judged("Rev >= v3", 2) == "X"
    assert judged("Rev >= v4, O", 5) == "M"
    assert judged("Rev >= v4, O", 3) == "O"
    assert judged("[Rev >= v2]", 2) == "O"
    assert judged("[Rev >= v2]", 1) == "X"
    assert judged("TZ, O", 1) == "TZ, O"


@pytest.fixture
def old():
    return {
        "specification": "1",
        "clusters": [
            {
                "name": "Identify",
                "revision": 1,
                "attributes": [
                    {"name": "Time", "conformance": "M", "quality": "N Q", "constraint": "all"},
                    {"name": "Lamp", "conformance": "O"},
                ],
                "datatypes": [{"name": "HowEnum", "members": [{"name": "Blink", "conformance": "M"}]}],
            }
        ],
        "deviceTypes": [
            {
                "name": "BatteryStorage",
                "revision": 1,
                "requirements": [
                    {"name": "Identify", "conformance": "O"},
                    sensor("AlternatingCurrent", "Voltage"),
                ],
            }
        ],
    }


def sensor(feature, *attributes):
    members = [{"name": feature, "element": "feature", "conformance": "M"}]
    members += [{"name": name, "element": "attribute", "conformance": "M"} for name in attributes]
    return {
        "name": "ElectricalSensor",
        "element": "deviceType",
        "conformance": "M",
        "members": [{"name": "ElectricalPowerMeasurement", "element": "serverCluster", "members": members}],
    }


def test_two_models_that_say_the_same_differ_in_nothing(script, old):
    compare = script("compare_models")
    new = {
        "specification": "2",
        "clusters": [
            old["clusters"][0]
            | {
                "attributes": [
                    {"name": "Time", "conformance": "M", "quality": "Q N"},
                    {"name": "Lamp", "conformance": "O"},
                ]
            }
        ],
        "deviceTypes": old["deviceTypes"],
    }
    lines = compare.tables(old, new)
    assert "| Identify | 1 | nothing |" in lines
    assert "| BatteryStorage | 1 | nothing |" in lines


def test_what_a_version_changes_is_told(script, old):
    compare = script("compare_models")
    new = {
        "specification": "2",
        "clusters": [
            {
                "name": "Identify",
                "revision": 2,
                "attributes": [
                    {"name": "Time", "conformance": "M", "quality": "N"},
                    {"name": "Colour", "conformance": "A | B"},
                ],
                "datatypes": [
                    {
                        "name": "HowEnum",
                        "members": [{"name": "Blink", "conformance": "O"}, {"name": "Breathe"}],
                    }
                ],
            }
        ],
        "deviceTypes": [
            {
                "name": "BatteryStorage",
                "revision": 2,
                "requirements": [
                    {"name": "Identify", "conformance": "M"},
                    sensor("ALTERNATINGCURRENT", "Voltage", "Current"),
                    sensor("DIRECTCURRENT"),
                ],
            }
        ],
    }
    lines = compare.tables(old, new)
    (cluster,) = [line for line in lines if line.startswith("| Identify |")]
    assert cluster.startswith("| Identify | 1 to 2 |")
    for change in (
        "attribute Lamp is gone",
        "attribute Time: quality N Q to N",
        "new attribute Colour (A \\| B)",
        "type HowEnum: new member Breathe, member Blink (conformance M to O)",
    ):
        assert change in cluster
    (device_type,) = [line for line in lines if line.startswith("| BatteryStorage |")]
    for change in (
        "Identify: O to M",
        "ElectricalSensor (alternatingcurrent): also ElectricalPowerMeasurement.Current",
        "asks for ElectricalSensor (directcurrent) with ElectricalPowerMeasurement.DIRECTCURRENT",
    ):
        assert change in device_type
