"""A user's checkout of connectedhomeip: its scripts, what they ask of a device, its trusted roots.

Nothing in the checkout is changed: the testing package that the scripts import is copied into the
environment.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from certification.catalogue import Correction

_PACKAGE = Path("src/python_testing/matter_testing_infrastructure/chip/testing")
_NEEDED = (_PACKAGE, Path("src/python_testing"), Path("credentials/development"), Path("data_model/1.4.2"))
_CODE = re.compile(r"[A-Z0-9]+\.[SC](\.[ACEF][0-9A-Fa-f]+(\.(Rsp|Tx))?)?|MCORE\.[A-Za-z_.]+")


class CheckoutError(ValueError):
    """The checkout or the environment cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout, and the Python environment with the controller."""

    path: Path
    environment: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment / "bin" / "python"

    @property
    def trusted_roots(self) -> Path:
        """The test roots of attestation."""
        return self.path / "credentials" / "development" / "paa-root-certs"

    @property
    def python_path(self) -> str:
        """What scripts import from the checkout itself: each other, and the reader of the YAML tests."""
        parts = ("src/python_testing", "scripts/py_matter_idl", "scripts/py_matter_yamltests")
        return ":".join(str(self.path / part) for part in parts)

    @property
    def definitions(self) -> Path:
        """The data model that the YAML tests are read with."""
        return self.path / "src" / "app" / "zap-templates" / "zcl" / "data-model" / "chip"

    def script(self, name: str) -> Path:
        """Where a script or a YAML test is, whether or not it exists."""
        if name.startswith("Test_TC_"):
            return self.path / "src/app/tests/suites/certification" / f"{name}.yaml"
        return self.path / "src" / "python_testing" / f"{name}.py"

    def corrected(self, name: str, corrections: Sequence[Correction], folder: Path) -> Path:
        """Return a script, or a copy of it in a folder where it has to be corrected.

        :raises CheckoutError: a correction finds nothing to correct
        """
        path = self.script(name)
        if not corrections:
            return path
        text = path.read_text(encoding="utf-8")
        for correction in corrections:
            if correction.find not in text:
                raise CheckoutError(
                    f"{path.name} does not contain {correction.find!r}, which is to be corrected"
                )
            text = text.replace(correction.find, correction.replace)
        copy = folder / path.name
        copy.write_text(text, encoding="utf-8")
        return copy

    def check(self) -> None:
        """Raise CheckoutError naming what is missing."""
        missing = [str(part) for part in _NEEDED if not (self.path / part).exists()]
        if missing:
            raise CheckoutError(
                f"{self.path} is no checkout of connectedhomeip: it lacks {', '.join(missing)}"
            )
        if not self.python.exists():
            raise CheckoutError(f"no Python at {self.python}: run `make certify`, which makes it")

    def install_testing_package(self) -> None:
        """Copy the package that the scripts import beside the controller's, with the data model zipped."""
        chip = self._site_packages() / "chip"
        if not (chip / "ChipDeviceCtrl.py").exists():
            raise CheckoutError(f"the controller is not installed in {self.environment}")
        target = chip / "testing"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.path / _PACKAGE, target, ignore=shutil.ignore_patterns("data_model"))
        for version in sorted((self.path / "data_model").iterdir()):
            if version.is_dir():
                _zip(version, target / "data_model" / version.name / "allfiles.zip")

    def _site_packages(self) -> Path:
        scheme = {"base": str(self.environment), "platbase": str(self.environment)}
        version = subprocess.run(
            [self.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        scheme["py_version_short"] = version
        return Path(sysconfig.get_path("purelib", "posix_prefix", vars=scheme))

    def revision(self) -> str:
        """Which commit it is, if it is a git checkout."""
        try:
            top, commit = subprocess.run(
                ["git", "-C", str(self.path), "rev-parse", "--show-toplevel", "HEAD"],
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            ).stdout.split()
        except (OSError, subprocess.CalledProcessError):
            return "an exported tree"
        return commit if Path(top).resolve() == self.path.resolve() else "an exported tree"

    def preconditions(self, script: str, method: str | None = None) -> list[str]:
        """Return the PICS codes that a script says it needs, in `pics_TC_...`: for a method, or for all.

        A YAML test lists them under `PICS`; lines that are expressions are judged by nobody and left out.
        """
        if script.startswith("Test_TC_"):
            stated = yaml.safe_load(self.script(script).read_text(encoding="utf-8")).get("PICS") or []
            return [code for code in stated if _CODE.fullmatch(code)]
        wanted = None if method is None else method.replace("test_", "pics_", 1)
        codes = []
        for node in ast.walk(ast.parse(self.script(script).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("pics_"):
                continue
            if wanted is None or node.name == wanted:
                codes += [
                    text.value
                    for text in ast.walk(node)
                    if isinstance(text, ast.Constant)
                    and isinstance(text.value, str)
                    and _CODE.fullmatch(text.value)
                ]
        return codes


def _zip(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".xml", ".json"}:
                archive.write(path, path.relative_to(folder))
