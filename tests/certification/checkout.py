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

    def script(self, name: str) -> Path:
        """Where a script is, whether or not it exists."""
        return self.path / "src" / "python_testing" / f"{name}.py"

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
        """Return the PICS codes that a script says it needs, in `pics_TC_...`: for a method, or for all."""
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
