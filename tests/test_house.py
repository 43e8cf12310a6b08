"""The rule of which room may import which is enforced: a forbidden arrow fails the lint."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bare_house(tmp_path: Path) -> Path:
    """The project's rooms, empty, under the project's own rule."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    return tmp_path


def check_imports(house: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed (make setup installs it)")
    return subprocess.run(
        [str(command), "--no-cache"], cwd=house, capture_output=True, text=True, timeout=60, check=False
    )


def test_rooms_that_import_nothing_pass(bare_house: Path) -> None:
    checked = check_imports(bare_house)
    assert checked.returncode == 0, checked.stdout


def test_the_appliance_may_join_the_parts(bare_house: Path) -> None:
    everything = "import matter_node, clusters, device_types, hw, optimizer, certs\n"
    (bare_house / "bridge" / "__init__.py").write_text(everything)
    checked = check_imports(bare_house)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("matter_node", "clusters"),
        ("matter_node", "bridge"),
        ("matter_node", "hw"),
        ("clusters", "device_types"),
        ("device_types", "hw"),
        ("hw", "matter_node"),
        ("hw", "optimizer"),
        ("optimizer", "bridge"),
        ("certs", "bridge"),
    ],
)
def test_an_arrow_back_fails(bare_house: Path, room: str, forbidden: str) -> None:
    (bare_house / room / "__init__.py").write_text(f"import {forbidden}\n")
    checked = check_imports(bare_house)
    assert checked.returncode == 1
    assert f"{room} -> {forbidden}" in checked.stdout
