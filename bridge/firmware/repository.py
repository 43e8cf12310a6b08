"""The maker's repository: signed metadata after The Update Framework, from a root that the home trusts.

python-tuf keeps the rules (https://theupdateframework.github.io/specification/latest/, section 5): signatures
of a threshold of keys, no version below one that was seen, no metadata past its end, hashes from above. What
it refuses is said here in the hub's words. Releases stand in the top-level targets role.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, Final

from bridge.firmware.refusal import FirmwareError, Reason
from bridge.firmware.release import Release, parse_release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tuf.api.metadata import TargetFile
    from tuf.ngclient import Updater

PATIENCE: Final = 8.0
"""Seconds that the metadata may take: clients of the Matter command wait ten."""
_MOST_RELEASES: Final = 2000

_log = logging.getLogger(__name__)


class FirmwareRepository:
    """A repository at one address, and what was seen of it."""

    def __init__(self, url: str, root: Path, directory: Path) -> None:
        """Know where it is; nothing is read yet.

        :param url: with `metadata/` and `targets/` below it
        :param root: a file with root metadata that the home trusts
        :param directory: where the root is kept, and what was seen last
        """
        self.url = url.rstrip("/")
        self._root = root
        self._directory = directory
        self._work: asyncio.Future[list[Release]] | None = None
        """What is being asked; whoever asks meanwhile gets the same answer."""

    @property
    def targets_url(self) -> str:
        """Below which images are."""
        return f"{self.url}/targets"

    async def releases(self) -> list[Release]:
        """Ask the repository and return what it offers.

        :raises FirmwareError: FROZEN, UNTRUSTED, UNREACHABLE
        """
        if self._work is None or self._work.done():
            self._work = _in_thread(self._refreshed)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(self._work)
        except TimeoutError:
            raise FirmwareError(
                Reason.UNREACHABLE, f"{self.url} did not answer within {PATIENCE:.0f} s"
            ) from None

    def _refreshed(self) -> list[Release]:
        from tuf.api import exceptions  # with its cryptography some megabytes, only where firmware is updated

        try:
            return self._verified()
        except exceptions.ExpiredMetadataError as error:
            raise FirmwareError(
                Reason.FROZEN,
                f"the repository's signatures have expired, perhaps it is being frozen: {error}",
            ) from error
        except exceptions.BadVersionNumberError as error:
            raise FirmwareError(
                Reason.UNTRUSTED, f"the repository offers older metadata than it did before: {error}"
            ) from error
        except exceptions.UnsignedMetadataError as error:
            raise FirmwareError(
                Reason.UNTRUSTED, f"the signatures are not the trusted ones: {error}"
            ) from error
        except (exceptions.RepositoryError, exceptions.DownloadLengthMismatchError) as error:
            raise FirmwareError(Reason.UNTRUSTED, f"the metadata cannot be trusted: {error}") from error
        except exceptions.DownloadError as error:
            raise FirmwareError(Reason.UNREACHABLE, f"{self.url} does not answer: {error}") from error
        except OSError as error:
            raise FirmwareError(Reason.UNREACHABLE, f"what is kept of it cannot be used: {error}") from error

    def _verified(self) -> list[Release]:
        from tuf.api.metadata import Metadata, Targets  # as above
        from tuf.ngclient import Updater

        from bridge.firmware.fetcher import MetadataFetcher

        metadata = self._directory / "metadata"
        metadata.mkdir(mode=0o700, parents=True, exist_ok=True)
        updater = Updater(
            str(metadata),
            f"{self.url}/metadata/",
            fetcher=MetadataFetcher(PATIENCE),
            bootstrap=self._trusted_root(),
        )
        updater.refresh()
        # The file is what `refresh` has just verified; its names are looked up again as the library wants it.
        kept: Metadata[Targets] = Metadata[Targets].from_file(str(metadata / "targets.json"))
        return self._parsed(
            updater, list(kept.signed.targets)[:_MOST_RELEASES], consistent=_consistent(metadata)
        )

    def _parsed(self, updater: Updater, names: list[str], *, consistent: bool) -> list[Release]:
        releases = []
        for name in names:
            target = updater.get_targetinfo(name)
            if target is None:
                continue
            try:
                releases.append(_release(target, consistent=consistent))
            except ValueError as error:
                _log.warning("the target %s of %s is no release: %s", name, self.url, error)
        return releases

    def _trusted_root(self) -> bytes:
        """Return the root that the home trusts: the settings' file, or the copy of it that is kept.

        :raises OSError: there is neither
        """
        kept = self._directory / "root.json"
        try:
            given = self._root.read_bytes()
        except OSError:
            return kept.read_bytes()
        if not kept.exists() or kept.read_bytes() != given:
            fresh = kept.with_suffix(".new")
            with fresh.open("wb") as file:
                file.write(given)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(kept)
        return given


def _release(target: TargetFile, *, consistent: bool) -> Release:
    sha256 = target.hashes.get("sha256", "")
    directory, slash, name = target.path.rpartition("/")
    hashed = f"{next(iter(target.hashes.values()))}.{name}" if consistent else name
    return parse_release(target.path, f"{directory}{slash}{hashed}", target.length, sha256, target.custom)


def _consistent(metadata: Path) -> bool:
    from tuf.api.metadata import Metadata, Root  # loaded already

    root: Metadata[Root] = Metadata[Root].from_file(str(metadata / "root.json"))
    return bool(root.signed.consistent_snapshot)


def _in_thread(work: Callable[[], list[Release]]) -> asyncio.Future[list[Release]]:
    """Do blocking work in a thread that nobody waits for when the hub ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Release]] = loop.create_future()

    def settle(result: list[Release], error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
            future.exception()  # whoever asked may have given up

    def run() -> None:
        result: list[Release] = []
        failure: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="firmware-repository", daemon=True).start()
    return future
