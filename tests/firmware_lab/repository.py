import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

from aiohttp import web
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

ROLES = ("root", "timestamp", "snapshot", "targets")


def in_days(days):
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


class Maker:
    """Signs releases, and writes them as a repository that any web server can serve."""

    def __init__(self, directory):
        self.directory = directory
        (directory / "metadata").mkdir(parents=True)
        (directory / "targets").mkdir()
        self.keys = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        self.roles = {
            "root": Root(expires=in_days(365), consistent_snapshot=True),
            "timestamp": Timestamp(expires=in_days(1)),
            "snapshot": Snapshot(expires=in_days(30)),
            "targets": Targets(expires=in_days(90)),
        }
        for role, signer in self.keys.items():
            self.roles["root"].add_key(signer.public_key, role)
        self.root = self._write("root", "1.root")
        self.sign()

    def image(self, size=200_000, fill=b"firmware "):
        return (fill * (size // len(fill) + 1))[:size]

    def release(self, version, *, data=None, sign=True, **custom):
        """Publish an image of a version; return its octets."""
        data = self.image(fill=f"firmware {version} ".encode()) if data is None else data
        path = f"bench/{version}.img"
        told = {"hwModel": ["bench-1"], "version": version, **custom}
        digest = hashlib.sha256(data).hexdigest()
        target = TargetFile(len(data), {"sha256": digest}, path, {"custom": told})
        self.roles["targets"].targets[path] = target
        file = self.directory / "targets" / "bench" / f"{digest}.{version}.img"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        if sign:
            self.sign()
        return data

    def file(self, version):
        """Where the image of a version is."""
        (found,) = (self.directory / "targets" / "bench").glob(f"*.{version}.img")
        return found

    def sign(self):
        """Sign and write everything below the root anew."""
        targets, snapshot, timestamp = (self.roles[role] for role in ("targets", "snapshot", "timestamp"))
        targets.version += 1
        self._write("targets", f"{targets.version}.targets")
        snapshot.meta["targets.json"] = MetaFile(version=targets.version)
        snapshot.version += 1
        self._write("snapshot", f"{snapshot.version}.snapshot")
        timestamp.snapshot_meta = MetaFile(version=snapshot.version)
        timestamp.version += 1
        self._write("timestamp", "timestamp")

    def metadata(self):
        """Return all metadata files, to be put back by `replay`."""
        return {file.name: file.read_bytes() for file in (self.directory / "metadata").iterdir()}

    def replay(self, files):
        for name, data in files.items():
            (self.directory / "metadata" / name).write_bytes(data)

    def _write(self, role, name):
        signed = Metadata(self.roles[role])
        signed.sign(self.keys[role])
        path = self.directory / "metadata" / f"{name}.json"
        signed.to_file(str(path), JSONSerializer())
        return path


class Shop:
    """Serves a repository on the loopback interface.

    cut_after: so many octets of an image are sent before the connection breaks; None for all of them
    """

    def __init__(self, maker):
        self.maker = maker
        self.cut_after = None
        self.down = False
        self.lead_from, self.lead_to = "", ""
        self.drips = False
        self.asked = []
        self._runner = None

    async def __aenter__(self):
        application = web.Application()
        application.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _drip(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.2)

    @property
    def ranges(self):
        """The ranges in which images were asked for."""
        return [range_ for path, range_ in self.asked if path.endswith(".img")]

    async def _serve(self, request):
        path = request.match_info["path"]
        self.asked.append((path, request.headers.get("Range")))
        if self.down:
            raise web.HTTPServiceUnavailable
        if self.lead_to and path.startswith(self.lead_from):
            raise web.HTTPFound(self.lead_to)
        if self.drips and path.startswith("metadata/"):
            return await self._drip(request)
        file = self.maker.directory / path
        if not file.is_file():
            raise web.HTTPNotFound
        if self.cut_after is None or not path.endswith(".img"):
            return web.FileResponse(file)
        data = file.read_bytes()
        begin = request.http_range.start or 0
        response = web.StreamResponse(status=206 if begin else 200)
        if begin:
            response.headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        response.content_length = len(data) - begin
        await response.prepare(request)
        await response.write(data[begin : begin + self.cut_after])
        request.transport.close()
        return response
