"""What the interop tests share: the network, the trusted roots, hubs, controllers, and printed figures."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache, partial
from typing import TYPE_CHECKING

import pytest
from interop import controller as controllers
from interop import trust as roots
from interop.controller import Controller
from interop.hub import Hub
from interop.network import Network, NetworkUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from interop.controller import Kind
    from interop.hub import Mode


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "interop":
            item.add_marker(pytest.mark.interop)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Print a measured figure at the end of the run."""
    return partial(record_property, "figure")


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    try:
        made = Network.create()
    except NetworkUnavailableError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@cache
def _unavailable(kind: Kind) -> str | None:
    return controllers.sdk_unavailable() if kind == "sdk" else controllers.matterjs_unavailable()


@pytest.fixture(scope="module", params=["sdk", "matterjs"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each controller in turn; skipped with the reason where it cannot run."""
    if (reason := _unavailable(request.param)) is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the public test roots of attestation, as the controllers want them."""
    folder = tmp_path_factory.mktemp("trust")
    roots.write_test_roots(folder)
    return folder


@pytest.fixture(scope="module")
def new_hub(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Hub]]:
    """Make a hub with a data directory of its own; arguments go to its command."""
    with ExitStack() as closing:

        def make(*arguments: str, mode: Mode = "demo", environment: Mapping[str, str] | None = None) -> Hub:
            folder = tmp_path_factory.mktemp("hub")
            hub = Hub(network.hub, folder, mode, arguments, environment or {})
            closing.callback(hub.close)
            return hub

        yield make


@pytest.fixture(scope="module")
def new_controller(
    network: Network, trust: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Controller]]:
    """Start a controller of a kind with a fabric of its own."""
    with ExitStack() as closing:

        def make(kind: Kind, fabric: int, trusted: Path = trust) -> Controller:
            folder = tmp_path_factory.mktemp(f"{kind}-{fabric}")
            started = Controller.start(kind, network.phone, folder, trusted, fabric=fabric)
            closing.callback(started.close)
            return started

        yield make
