"""Packages of which some modules are used: others find them whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from matter_node.late_package import prepare

ROOT = Path(__file__).parents[2]


def shown(*lines):
    code = "\n".join(("import sys", *lines))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()


def test_messages_of_zeroconf_are_read_without_the_rest_of_it_which_is_there_for_others():
    assert shown(
        "from matter_node.transport import browser, dns, responder",
        "print('zeroconf._core' in sys.modules, 'zeroconf._services' in sys.modules)",
        "import zeroconf",
        "print(zeroconf.DNSIncoming is dns.DNSIncoming, zeroconf.Zeroconf.__module__)",
        "from zeroconf import ServiceInfo",
        "print(ServiceInfo.__name__)",
    ) == ["False", "False", "True", "zeroconf._core", "ServiceInfo"]


def test_a_package_that_was_imported_before_stays_as_it_is():
    assert shown(
        "import zeroconf; before = zeroconf",
        "import matter_node.transport.dns",
        "print(sys.modules['zeroconf'] is before, type(before).__name__)",
    ) == ["True", "module"]


def test_a_package_that_is_not_installed_is_said_to_be_missing():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        prepare("no_such_package")
