"""Fetches an image, in parts where that is needed, and lets nothing through that is not the signed one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from typing import TYPE_CHECKING, Final

from bridge.firmware.refusal import FirmwareError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    import aiohttp

    from bridge.firmware.release import Release

ATTEMPTS: Final = 8
"""Attempts in a row that bring nothing, before a download is given up."""
SILENCE: Final = 20.0
"""Seconds that the server may be silent."""
CHUNK: Final = 64 * 1024
_RANGE: Final = re.compile(r"bytes (\d{1,19})-\d{1,19}/(?:\d{1,19}|\*)", re.ASCII)


class _Interrupted(Exception):  # noqa: N818 - it names what happened; nobody outside sees it
    """The connection broke, or the server could not."""


class ImageFile:
    """An image on the disk: partial while it is fetched, under another name when it is verified."""

    def __init__(self, release: Release, directory: Path) -> None:
        """Make the directory if it is absent. Raise OSError."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._release = release
        self._part = directory / f"{release.sha256}.part"
        self.path = directory / f"{release.sha256}.bin"

    @property
    def whole(self) -> bool:
        """Whether it was verified."""
        return self.path.exists()

    @property
    def size(self) -> int:
        """Octets that are there."""
        return self._part.stat().st_size if self._part.exists() else 0

    def append(self, offset: int) -> BinaryIO:
        """Open the partial file to go on at an offset; what is behind that is dropped."""
        file = self._part.open("r+b" if self._part.exists() else "wb")
        file.truncate(offset)
        file.seek(offset)
        return file

    def refuse(self, why: str) -> FirmwareError:
        """Throw away what was fetched, and return the error that says so."""
        self.drop()
        return FirmwareError(Reason.UNTRUSTED, f"the image is not the one that was signed: {why}")

    def drop(self) -> None:
        """Throw away what was fetched."""
        self._part.unlink(missing_ok=True)

    def verify(self) -> None:
        """Compare the hash; the file has its name then. Raise FirmwareError UNTRUSTED."""
        with self._part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self._release.sha256:
            raise self.refuse("its hash differs")
        self._part.replace(self.path)


async def download(
    release: Release,
    base: str,
    directory: Path,
    *,
    progress: Callable[[int], None],
    pause: float = 1.0,
) -> Path:
    """Return the file that holds an image, whole and verified.

    What a former attempt brought is kept in a partial file and gone on from (RFC 9110 section 14.2), also
    after a restart of the hub. An image that turns out to be another one is thrown away.

    :param base: address below which images are
    :param progress: told the percent that is there
    :param pause: seconds before the second attempt; each further one waits twice as long, up to 30 s
    :raises FirmwareError: UNTRUSTED, UNREACHABLE
    :raises OSError: the disk does not take it
    """
    import aiohttp  # a client with what it needs is some megabytes: only while something is fetched

    image = ImageFile(release, directory)
    if image.whole:
        return image.path
    attempts, most = 0, -1
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        while (there := image.size) < release.length:
            attempts = 1 if there > most else attempts + 1
            most = max(most, there)
            try:
                await _fetch(session, f"{base}/{release.url_path}", image, release.length, progress)
            except (_Interrupted, aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                if attempts >= ATTEMPTS:
                    detail = f"the image does not come: {error or type(error).__name__}"
                    raise FirmwareError(Reason.UNREACHABLE, detail) from error
                await asyncio.sleep(min(pause * 2 ** (attempts - 1), 30.0))
    await asyncio.to_thread(image.verify)
    return image.path


async def _fetch(
    session: aiohttp.ClientSession,
    url: str,
    image: ImageFile,
    length: int,
    progress: Callable[[int], None],
) -> None:
    """Append what is missing to the partial file."""
    there = image.size
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        there = _begins(response, there, image)
        with image.append(there) as file:
            async for chunk in response.content.iter_chunked(CHUNK):
                there += len(chunk)
                if there > length:
                    break
                file.write(chunk)
                progress(there * 100 // length)
            file.flush()
            os.fsync(file.fileno())
    if there > length:
        raise image.refuse("it is longer")
    if there < length:
        if response.status == 200 and response.content_length is not None:
            raise image.refuse("it is shorter")
        raise _Interrupted("the connection ended early")


def _begins(response: aiohttp.ClientResponse, wanted: int, image: ImageFile) -> int:
    """Return the offset at which an answer's body belongs. Raise _Interrupted when it is of no use."""
    match response.status:
        case 200:
            return 0
        case 206:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found is not None and int(found[1]) == wanted:
                return wanted
            raise _Interrupted("the server sends another part than the one asked for")
        case 416:
            image.drop()
            raise _Interrupted("the server has no such part")
        case status:
            raise _Interrupted(f"the server answers {status}")


def forget_images(directory: Path, keep: set[str]) -> None:
    """Delete the files of images that no job needs any more."""
    if directory.is_dir():
        for file in directory.iterdir():
            if file.stem not in keep:
                file.unlink(missing_ok=True)
