"""Fetches metadata for python-tuf. It brings that library with it: import it where firmware is updated only.

Redirections are not followed: whoever sits between the home and the repository must not be able to let the
hub ask the devices of the home.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENCE: Final = 4.0
"""Seconds that the server may be silent."""
_CHUNK: Final = 64 * 1024


class MetadataFetcher(FetcherInterface):
    """Fetches what is asked for until a deadline; a server that drips is as good as none."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(SILENCE), retries=False)

    def _fetch(self, url: str) -> Iterator[bytes]:
        response = self._pool.request("GET", url, preload_content=False, redirect=False)
        if response.status != 200:
            response.close()
            raise DownloadHTTPError(f"the server answers {response.status}", response.status)
        return self._chunks(response)

    def _chunks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            while chunk := response.read1(_CHUNK):
                yield chunk
                if time.monotonic() > self._deadline:
                    raise SlowRetrievalError("the server is too slow")
        except urllib3.exceptions.HTTPError as error:
            raise DownloadError(str(error)) from error
        finally:
            response.close()
