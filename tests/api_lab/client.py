import itertools
import ssl

import aiohttp

PASSWORD = "correct horse battery"
AUTHENTICATE = "/device/security/authenticate"


class Client:
    """Somebody who speaks https with the hub."""

    def __init__(self, server, **options):
        self.server = server
        self.context = ssl.create_default_context(cadata=server.tls.authority.pem.decode())
        self.http = aiohttp.ClientSession(
            base_url=f"https://localhost:{server.port}",
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(ssl=self.context),
            **options,
        )
        self.keys = (f"key-{number}" for number in itertools.count())

    def bearing(self, token):
        self.http.headers["Authorization"] = f"Bearer {token}"
        return self

    async def get(self, path, **options):
        return await self._ask("GET", path, **options)

    async def post(self, path, **options):
        return await self._ask("POST", path, **options)

    async def patch(self, path, **options):
        return await self._ask("PATCH", path, **options)

    async def delete(self, path, **options):
        return await self._ask("DELETE", path, **options)

    async def command(self, path, body, **options):
        """POST a command under a key of its own."""
        headers = {"Idempotency-Key": next(self.keys), **options.pop("headers", {})}
        return await self._ask("POST", path, json=body, headers=headers, **options)

    async def _ask(self, method, path, **options):
        async with self.http.request(method, path, **options) as response:
            await response.read()
            return response


async def problem(response):
    """The slug of the problem that a response holds, which is whole and of the response's own status."""
    assert response.content_type == "application/problem+json"
    values = await response.json()
    assert values["status"] == response.status
    assert all(values[name] for name in ("title", "detail", "cause", "remedy", "instance"))
    return values["type"].removeprefix("/problems/")
