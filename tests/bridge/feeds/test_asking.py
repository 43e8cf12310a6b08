"""The real asking process against real servers."""

import json
import socket
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.feeds.asking import FeedError, ask
from bridge.feeds.formats.asked import Asked
from bridge.feeds.process import MOST_BYTES, _wait
from bridge.feeds.source import SERVICES, Source

START = 1_795_734_000
PLACE = (52.52, 13.405)


def source(format_, url="", row="price", **more):
    asked = {name: more.pop(name) for name in ("area", "place", "plane") if name in more}
    return Source(row, format_, Asked(row, "Europe/Berlin", **asked), url=url, **more)


async def asked(source, seen=None, **options):
    return await ask(source.request(START, START + 2 * 86_400, seen or {}), **options)


def prices(*values):
    rows = [{"start": f"2026-11-26T{hour:02}:00", "price": each} for hour, each in enumerate(values)]
    return json.dumps({"values": rows}).encode()


async def test_a_table_comes_over_http_and_is_not_sent_again_while_it_is_the_same(service):
    service.body, service.more = (
        prices(0.1, 0.2),
        {"ETag": '"1"', "Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT"},
    )
    answer = await asked(source("table", f"{service.url}/prices.json", token="sesame"))
    assert list(answer.rows["price"].values) == [0.1, 0.2]
    assert service.headers[0]["Authorization"] == "Bearer sesame"
    assert service.headers[0]["User-Agent"].startswith("ores-bridge")
    service.status, service.body = 304, b""
    again = await asked(source("table", f"{service.url}/prices.json"), answer.seen)
    assert (again.rows, again.seen) == ({}, answer.seen)
    assert service.headers[1]["If-None-Match"] == '"1"'
    assert service.headers[1]["If-Modified-Since"] == "Thu, 26 Nov 2026 12:00:00 GMT"


async def test_over_https_the_server_must_prove_who_it_is(secure_service, certificate, monkeypatch):
    secure_service.body = prices(0.1)
    with pytest.raises(FeedError, match=r"127\.0\.0\.1 cannot prove who it is"):
        await asked(source("table", secure_service.url))
    assert secure_service.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    answer = await asked(source("table", secure_service.url))
    assert list(answer.rows["price"].values) == [0.1]


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (source("awattar"), "/?start=1795734000000&end=1795906800000"),
        (source("energy-charts", area="DE-LU"), "/price?bzn=DE-LU&start=2026-11-27&end=2026-11-28"),
        (source("energy-charts", row="co2", area="de"), "/co2eq?country=de&start=2026-11-27&end=2026-11-28"),
        (source("electricity-maps", row="co2", area="DE"), "/?zone=DE"),
        (source("solcast", row="sun", site="ab-12"), "/rooftop_sites/ab-12/forecasts?format=json&hours=72"),
        (
            source("open-meteo", row="sun", place=PLACE),
            (
                "/?latitude=52.5200&longitude=13.4050&hourly=shortwave_radiation%2Ctemperature_2m"
                "&timeformat=unixtime&timezone=UTC&forecast_days=4"
            ),
        ),
        (
            source("forecast-solar", row="sun", place=PLACE, plane=(30.0, -10.0, 9.8)),
            "/estimate/52.5200/13.4050/30/-10/9.8?time=utc",
        ),
        (
            source("forecast-solar", row="sun", place=PLACE, plane=(30.0, 0.0, 5.0), token="KEY"),
            "/KEY/estimate/52.5200/13.4050/30/0/5?time=utc",
        ),
    ],
)
async def test_each_service_is_asked_as_it_documents(service, made, path):
    assert SERVICES[made.format].url.startswith("https://")
    with pytest.raises(FeedError):
        await asked(
            Source(**{name: getattr(made, name) for name in made.__dataclass_fields__} | {"url": service.url})
        )
    assert service.asked == [path]


async def test_electricity_maps_wants_its_token_in_a_header_of_its_own(service):
    with pytest.raises(FeedError):
        await asked(source("electricity-maps", service.url, row="co2", token="t0ken"))
    assert service.headers[0]["auth-token"] == "t0ken"
    assert "Authorization" not in service.headers[0]


@pytest.mark.parametrize(
    ("status", "more", "complaint", "wait"),
    [
        (429, {"Retry-After": "1200"}, "429: too often", 1200.0),
        (503, {"Retry-After": "99999999"}, "answers 503", 86_400.0),
        (503, {"Retry-After": "soon"}, "answers 503", None),
        (401, {}, "the token is wrong or missing", None),
        (404, {}, "answers 404", None),
        (
            302,
            {"Location": "http://192.168.1.1/secret?x"},
            r"leads elsewhere \(http://192\.168\.1\.1\)",
            None,
        ),
    ],
)
async def test_what_a_server_refuses_is_told_and_when_it_wants_to_be_asked_again(
    service, status, more, complaint, wait
):
    service.status, service.more = status, more
    with pytest.raises(FeedError, match=complaint) as caught:
        await asked(source("table", service.url))
    assert caught.value.wait == wait
    assert len(service.asked) == 1


async def test_nobody_there_and_a_body_that_is_too_large_or_cut_off_are_errors_in_words(service):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(FeedError, match="cannot be asked"):
            await asked(source("table", f"http://127.0.0.1:{nobody.getsockname()[1]}"))
    service.body = b" " * (MOST_BYTES + 1)
    with pytest.raises(FeedError, match="more than 2048 KB"):
        await asked(source("table", service.url))
    service.body, service.more = b"{", {"Content-Length": "100"}
    with pytest.raises(FeedError, match=r"ended early|cannot be asked"):
        await asked(source("table", service.url))


async def test_a_server_that_drips_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = threading.Event()

        def drip():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while not end.wait(0.2):
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(FeedError, match="longer than 2 s"):
            await asked(source("table", f"http://127.0.0.1:{listener.getsockname()[1]}"), patience=2)
        assert time.monotonic() - began < 20
        end.set()
        thread.join()


async def test_a_file_is_read_in_the_zone_of_the_home(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("start,price\n2026-11-26T00:00,0.3\n")
    answer = await asked(source("table", file=file))
    assert list(answer.rows["price"]) == [(1_795_647_600, 1_795_651_200, 0.3)]
    with pytest.raises(FeedError, match="No such file"):
        await asked(source("table", file=tmp_path / "none.csv"))


@pytest.mark.parametrize("line", ["print('nonsense')", "raise SystemExit(3)", "print('[]')", "print('{}')"])
async def test_a_process_that_babbles_is_an_error(line):
    with pytest.raises(FeedError, match="failed"):
        await asked(source("table"), process=("-c", line))


def test_the_hub_has_no_http_client_in_its_memory():
    lines = (
        "import sys",
        "import bridge.app, bridge.hub",
        "print([name for name in ('http.client', 'aiohttp', 'bridge.feeds.process') if name in sys.modules])",
    )
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"))
def test_whatever_a_server_says_of_waiting_is_a_day_at_most(text):
    found = _wait(text)
    assert found is None or 0 <= found <= 86_400
