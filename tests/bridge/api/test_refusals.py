import asyncio
import json

import pytest
from api_lab.client import AUTHENTICATE, problem

STATUS, CONTROL = "/microinverter/status", "/microinverter/control"


async def raw(house, data, *, tls=True):
    """Send bytes and return all that comes back."""
    client = house.client()
    port = house.hub.api.port if tls else house.hub.api.http_port
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=client.context if tls else None, server_hostname="localhost" if tls else None
    )
    writer.write(data)
    answer = await reader.read(65536)
    writer.close()
    return answer


@pytest.mark.parametrize("path", [STATUS, CONTROL, AUTHENTICATE])
async def test_nobody_is_told_anything_without_a_session(house, path):
    answer = await house.client().get(path)
    assert (answer.status, await problem(answer)) == (401, "no-credentials")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["ores_s_" + 43 * "A", "ores_m_" + 43 * "A", "x", "", "ores_s_ä"])
async def test_a_token_of_nobody_is_refused(house, token):
    answer = await house.client().get(STATUS, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, await problem(answer)) == (401, "bad-credentials")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "a b", "localhost:99999"])
async def test_another_host_means_a_page_that_was_led_here(house, host):
    answer = await house.owner().get(STATUS, headers={"Host": host})
    assert (answer.status, await problem(answer)) == (421, "foreign-host")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:8443", "LOCALHOST", "192.168.1.7:8443"])
async def test_addresses_and_own_names_are_the_hub(house, host):
    assert (await house.owner().get(STATUS, headers={"Host": host})).status == 200


async def test_a_name_in_the_settings_is_the_hub_too(make_house):
    house = await make_house(names=("hub.example.org",))
    assert (await house.owner().get(STATUS, headers={"Host": "hub.example.org"})).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
async def test_a_page_of_another_origin_is_refused(house, origin):
    answer = await house.owner().get(STATUS, headers={"Origin": origin})
    assert (answer.status, await problem(answer)) == (403, "foreign-origin")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_pages_of_the_hub_and_allowed_ones_may_ask(make_house):
    house = await make_house(origins=("https://panel.example.org",))
    own = f"https://localhost:{house.hub.api.port}"
    assert (await house.owner().get(STATUS, headers={"Origin": own})).status == 200
    panel = {"Origin": "https://panel.example.org"}
    answer = await house.owner().get(STATUS, headers=panel)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://panel.example.org"
    preflight = await house.client()._ask("OPTIONS", CONTROL, headers=panel)
    assert (preflight.status, preflight.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "Idempotency-Key" in preflight.headers["Access-Control-Allow-Headers"]
    refused = await house.client().get(STATUS, headers=panel)
    assert refused.headers["Access-Control-Allow-Origin"] == "https://panel.example.org", "it may read why"


async def test_unknown_paths_say_what_may_be_meant(house):
    answer = await house.owner().get("/microinverter/statsu")
    assert (answer.status, await problem(answer)) == (404, "unknown-path")
    assert "/microinverter/status" in (await answer.json())["remedy"]
    assert (await house.owner().get(STATUS + "/")).status == 404


async def test_another_method_is_told_the_ones_there_are(house):
    answer = await house.owner().delete(CONTROL)
    assert (answer.status, await problem(answer)) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_is_get_without_the_body(house):
    answer = await house.owner()._ask("HEAD", STATUS)
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b'{"grant": "refresh", "grant": "refresh"}', "malformed"),
        (b'{"grant": NaN}', "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 20_000, "malformed"),
        (b'{"grant": %s}' % (b"9" * 5000), "malformed"),
        (b'{"grant": "\\ud800"}', "invalid"),
        (b"[]", "invalid"),
        (b'{"grant": "none"}', "invalid"),
        (b"{}", "invalid"),
    ],
)
async def test_a_body_that_cannot_be_read_is_said_to_be_so(house, body, kind):
    answer = await house.client().post(AUTHENTICATE, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, await problem(answer)) == (400 if kind == "malformed" else 422, kind)


async def test_another_form_than_json_is_not_taken(house):
    client = house.client()
    form = await client.post(AUTHENTICATE, data={"grant": "refresh"})
    assert (form.status, await problem(form)) == (415, "unsupported-media-type")
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await client.post(AUTHENTICATE, data=b"x", headers=packed)).status == 415


async def test_a_large_body_is_refused_before_it_is_read(house):
    answer = await house.client().post(
        AUTHENTICATE, data=b" " * 70_000, headers={"Content-Type": "application/json"}
    )
    assert (answer.status, await problem(answer)) == (413, "too-large")

    async def parts():
        for _ in range(70):
            yield b" " * 1000

    chunked = await house.client().post(
        AUTHENTICATE, data=parts(), headers={"Content-Type": "application/json"}
    )
    assert chunked.status == 413


async def test_a_body_that_does_not_come_is_not_waited_for(house, monkeypatch):
    monkeypatch.setattr("bridge.api.intake.PATIENCE", 0.2)
    head = (
        f"POST {AUTHENTICATE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{"
    )
    assert (await raw(house, head.encode())).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "query", ["module=%FF", "module=a&module=b", "modul=a", "module=ACME", "&".join(["a=1"] * 65)]
)
async def test_a_query_that_does_not_fit_is_said_to_be_so(house, query):
    answer = await house.owner().get(f"{STATUS}?{query}")
    assert (answer.status, await problem(answer)) == (422, "invalid")


async def test_an_answer_in_another_form_is_not_to_be_had(house):
    answer = await house.owner().get(STATUS, headers={"Accept": "text/csv, image/*;q=0.5"})
    assert (answer.status, await problem(answer)) == (406, "not-acceptable")
    for accept in ("*/*", "application/*;q=0.1", "text/html, application/json;q=0.9"):
        assert (await house.owner().get(STATUS, headers={"Accept": accept})).status == 200


@pytest.mark.parametrize(
    "data", [b"\x00\x01garbage\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nA b: c\r\n\r\n"]
)
async def test_what_is_no_http_is_a_problem_and_no_entry_in_the_log(house, data, caplog):
    caplog.set_level("INFO")
    answer = await raw(house, data)
    assert b" 400 Bad Request\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "/problems/bad-request"
    assert caplog.text == ""


async def test_every_answer_keeps_browsers_from_guessing_framing_and_keeping_it(house):
    for answer in (await house.owner().get(STATUS), await house.client().get("/docs")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] == "ores-bridge"


async def test_a_defect_is_a_problem_with_the_id_that_the_log_has(house, monkeypatch, caplog):
    def broken(_):
        raise RuntimeError("of the roof")

    monkeypatch.setattr("bridge.api.endpoints.microinverter_status._microinverter", broken)
    house.add()
    answer = await house.owner().get(STATUS)
    assert (answer.status, await problem(answer)) == (500, "internal")
    assert "of the roof" not in await answer.text()
    assert answer.headers["X-Request-Id"] in caplog.text
    assert (await answer.json())["instance"].endswith(answer.headers["X-Request-Id"])


async def test_without_tls_there_is_the_way_to_https_and_nothing_else(house):
    def ask(method, path, host="hub.local"):
        return raw(
            house,
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(),
            tls=False,
        )

    moved = await ask("GET", STATUS + "?module=a", "127.0.0.1:8080")
    assert moved.startswith(b"HTTP/1.1 308 ")
    assert f"Location: https://127.0.0.1:{house.hub.api.port}{STATUS}?module=a\r\n".encode() in moved
    page = await ask("GET", "/", "localhost")
    assert house.hub.api.fingerprint.encode() in page
    assert house.hub.api.tls.authority.der in await ask("GET", "/ca.crt", "localhost")
    assert (await ask("POST", AUTHENTICATE, "localhost")).startswith(b"HTTP/1.1 403 ")
    assert (await ask("GET", "/", "evil.example")).startswith(b"HTTP/1.1 421 ")


async def test_connections_from_one_address_have_a_limit(house, monkeypatch):
    monkeypatch.setattr("bridge.api.server.CONNECTIONS_EACH", 3)
    context = house.client().context

    async def connect():
        try:
            return await asyncio.open_connection(
                "127.0.0.1", house.hub.api.port, ssl=context, server_hostname="localhost"
            )
        except OSError:
            return None

    opened = await asyncio.gather(*(connect() for _ in range(5)))
    opened = [each for each in opened if each is not None]
    assert len(opened) == 3
    opened[0][1].close()
    await opened[0][1].wait_closed()
    async with asyncio.timeout(10):
        # There is room again as soon as the hub has noticed.
        while (again := await connect()) is None:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.05)
    for _, writer in (*opened[1:3], again):
        writer.close()


async def test_who_never_ends_a_handshake_is_hung_up_on_and_counts_meanwhile(house, monkeypatch):
    await house.owner().get(STATUS)
    monkeypatch.setattr("bridge.api.serving.HANDSHAKE", 1.5)
    monkeypatch.setattr("bridge.api.server.CONNECTIONS", 4)
    silent = [await asyncio.open_connection("127.0.0.1", house.hub.api.port) for _ in range(3)]
    refused, _ = await asyncio.open_connection("127.0.0.1", house.hub.api.port)
    assert await refused.read() == b""
    for reader, writer in silent:
        async with asyncio.timeout(15):
            assert await reader.read() == b""
        writer.close()
    assert house.hub.api._connections.total() == 1
