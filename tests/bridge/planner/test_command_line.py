"""`ores-bridge plan` against a hub that runs with a simulated home."""

import http.server
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from plan_lab import SETTINGS, TARIFF, hubs


@pytest.fixture
def start(tmp_path):
    with hubs(tmp_path) as start:
        yield start


def test_the_plan_is_shown_with_its_reasons_from_the_first_minute(start):
    hub = start(SETTINGS + TARIFF)
    answer = hub.planned()
    assert answer["policy"] == "self-consumption"
    assert answer["plan"]["exact"]
    prices = {step["import_price"] for step in answer["plan"]["steps"]}
    assert prices == {0.35, 0.12}
    shown = hub.plan()
    assert shown.returncode == 0
    assert "proved best for its forecasts" in shown.stdout
    assert " 0.120 " in shown.stdout
    assert "a kWh" in shown.stdout
    mapped = Path(f"/proc/{hub.process.pid}/maps").read_text()
    assert "numpy" not in mapped
    assert "scipy" not in mapped
    again = hub.plan("--new")
    assert again.returncode == 0, again.stderr
    deadline = time.monotonic() + 30
    while json.loads(hub.plan("--json").stdout)["trigger"] != "request":
        assert time.monotonic() < deadline, "no plan was made anew"
        time.sleep(0.5)


def test_without_a_tariff_it_says_what_to_do(start):
    hub = start(SETTINGS)
    found = hub.plan()
    assert found.returncode == 1
    assert found.stderr == "there is no plan without a tariff: set import_price or a source in [tariff]\n"


def test_after_a_kill_the_plan_is_in_force_again_and_the_planning_process_is_gone(start):
    hub = start(SETTINGS + TARIFF)
    hub.planned()
    pid = hub.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    workers = [
        each for each in children if "bridge.planner.worker" in Path(f"/proc/{each}/cmdline").read_text()
    ]
    assert len(workers) == 1
    hub.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{workers[0]}").exists():
        assert time.monotonic() < deadline, "the planning process outlived the hub"
        time.sleep(0.05)
    again = start(SETTINGS + TARIFF)
    assert again.planned()["plan"]["steps"][0]["batteries"]
    assert "s ago is in force again" in again.logged()


class PriceServer(http.server.BaseHTTPRequestHandler):
    """Says the prices of yesterday, today and tomorrow, dear in every third hour."""

    def do_GET(self):
        begin = int(time.time()) // 86_400 * 86_400 - 86_400
        rows = [
            {"start": f"{datetime.fromtimestamp(begin + 3600 * n, UTC):%Y-%m-%dT%H:%MZ}", "price": price}
            for n, price in enumerate((0.2, 0.3, 0.5) * 24)
        ]
        body = json.dumps({"values": rows, "unit": "EUR/kWh"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def prices():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PriceServer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_market_prices_come_are_planned_by_and_are_known_after_a_kill_without_their_server(start, prices):
    source = f"""
    [tariff]
    fee = 0.1
    [tariff.source]
    format = "table"
    url = "http://127.0.0.1:{prices.server_port}/prices"
    """
    hub = start(SETTINGS + source)
    found = hub.planned()
    assert {round(each["import_price"], 6) for each in found["plan"]["steps"][:12]} <= {0.3, 0.4, 0.6}
    told = json.loads(hub.ask("forecast", "--json").stdout)
    assert told["feeds"][0]["name"] == "price"
    assert told["feeds"][0]["until"] > time.time()
    assert told["steps"][0]["price_known"]
    table = hub.ask("forecast").stdout
    assert table.startswith("Prices from http://127.0.0.1:")
    assert "No day has been scored yet." in table
    hub.kill()
    prices.shutdown()
    again = start(SETTINGS + source)
    found = again.planned()
    assert {round(each["import_price"], 6) for each in found["plan"]["steps"][:12]} <= {0.3, 0.4, 0.6}
    assert (
        json.loads(again.ask("forecast", "--json").stdout)["feeds"][0]["until"] == told["feeds"][0]["until"]
    )


def test_a_tariff_that_is_set_on_the_command_line_brings_a_plan_and_survives_a_kill(start):
    hub = start(SETTINGS)
    refused = hub.ask("configure", "--set", "tariff.fee=0.1")
    assert refused.returncode == 1
    assert "tariff.fee is for market prices: there is no [tariff.source]" in refused.stderr
    set_ = ("--set", "tariff.import_price=0.31", "--set", "grid.import_limit_w=9000", "--json")
    told = json.loads(hub.ask("configure", *set_).stdout)
    assert told["configuration"]["settings"] == {
        "tariff": {"import_price": 0.31},
        "grid": {"import_limit_w": 9000},
    }
    assert hub.planned()["plan"]["steps"][0]["import_price"] == 0.31
    hub.kill()
    again = start(SETTINGS)
    assert again.planned()["plan"]["steps"][0]["import_price"] == 0.31
    back = again.ask("configure", "--set", "tariff.import_price=")
    assert "grid.import_limit_w: 9000" in back.stdout
    assert "there is no tariff" in again.plan().stdout
    assert again.ask("configure", "--set", "tariff.fee").returncode == 2
    assert "fee is no key that can be set" in again.ask("configure", "--set", "fee=1").stderr
