import re
from pathlib import Path

from bridge.api.router import ENDPOINTS, Router

DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_document_lists_every_path_with_its_methods():
    router = Router()
    served = {path: set(router.operations(path)) for path in ENDPOINTS}
    rows = re.findall(r"^\| `(/[a-z/-]+)` \| ([A-Z, ]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert {path: set(methods.split(", ")) for path, methods in rows} == served


def test_all_paths_of_the_specification_are_served():
    assert set(ENDPOINTS) == {
        "/microinverter/status",
        "/microinverter/energy",
        "/microinverter/control",
        "/energystorage/status",
        "/energystorage/storage",
        "/energystorage/control",
        "/device/discovery",
        "/device/register",
        "/hub/communicate",
        "/hub/configure",
        "/app/monitor",
        "/app/notify",
        "/app/settings",
        "/device/firmware/update",
        "/device/security/authenticate",
        "/device/safety/fault-detection",
        "/device/data/logging",
        "/device/diagnostics/remote",
    }
