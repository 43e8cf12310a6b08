import asyncio
import sys
from html import escape
from pathlib import Path

import pytest
from api_lab.client import AUTHENTICATE

from bridge.access.role import Role
from bridge.api.models import Nothing
from bridge.api.openapi import document
from bridge.api.router import Router

ROOT = Path(__file__).parents[3]
OPERATIONS = Router().every()
PROBLEMS = {kind.slug: kind for operation in OPERATIONS for kind in operation.all_problems()}


async def test_the_document_says_what_is_served(house):
    shown = await (await house.client().get("/openapi.json")).json()
    assert shown == document(OPERATIONS)
    assert shown["openapi"] == "3.1.0"
    told = shown["paths"]["/microinverter/control"]["post"]
    assert told["security"] == [{"session": []}, {"cookie": []}]
    assert [each["name"] for each in told["parameters"]] == ["Idempotency-Key"]
    assert {"202", "400", "401", "403", "404", "409", "413", "415", "422", "500"} <= set(told["responses"])
    command = shown["components"]["schemas"]["MicroinverterCommand"]["properties"]
    assert command["power_limit_w"]["description"] == "Produce at most so much."
    status = shown["paths"]["/microinverter/status"]["get"]
    assert {"module": []} in status["security"]
    assert [(each["name"], each["required"]) for each in status["parameters"]] == [("module", False)]
    assert shown["paths"][AUTHENTICATE]["post"]["security"] == [{}]
    # Two models of one name would be told apart by the modules that they stand in.
    assert not [name for name in shown["components"]["schemas"] if "__" in name]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_a_handler_takes_what_its_operation_declares(operation):
    query = "None" if operation.query is Nothing else operation.query.__name__
    annotation = operation.handler.__annotations__["context"].replace("\n", "").replace(" ", "")
    took_query, _, took_body = annotation.removeprefix("Context[").removesuffix("]").partition(",")
    assert took_query == query
    if operation.body is None:
        assert took_body == "None"
    elif isinstance(operation.body, type):
        assert took_body == operation.body.__name__
    assert operation.summary[0].isupper()
    assert not operation.summary.endswith(".")
    assert operation.answer or operation.event or operation.status == 204


@pytest.mark.parametrize("kind", PROBLEMS.values(), ids=PROBLEMS)
def test_every_problem_is_explained(kind):
    assert f"`{kind.slug}`" in (ROOT / "docs/api.md").read_text(), "in docs/api.md"
    for text in (kind.title, kind.cause, kind.remedy):
        assert text[0].isupper()
        assert text.endswith(".")
    assert 400 <= kind.status < 600


def test_one_slug_is_one_problem():
    every = {kind for operation in OPERATIONS for kind in operation.all_problems()}
    assert len(every) == len(PROBLEMS)


async def test_pages_are_made_of_the_same_and_load_nothing(house):
    client = house.client()
    docs = await client.get("/docs")
    text = await docs.text()
    for operation in OPERATIONS:
        assert operation.path in text
        assert escape(operation.summary) in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text
    assert "src=" not in text
    page = await client.get("/problems/csrf")
    assert escape(PROBLEMS["csrf"].remedy) in await page.text()
    assert (await client.get("/problems/nothing")).status == 404
    assert (await client.post("/docs")).status == 405


async def test_the_first_page_claims_a_hub_and_later_only_leads_on(house):
    client = house.client()
    fresh = await client.get("/")
    assert "Claim this hub" in await fresh.text()
    assert "script-src 'sha256-" in fresh.headers["Content-Security-Policy"]
    assert str(house.access.claim_code) not in await fresh.text()
    house.user("root", Role.ADMIN)
    claimed = await client.get("/")
    assert "<form" not in await claimed.text()
    assert house.hub.api.fingerprint in await claimed.text()


@pytest.mark.parametrize("role", [None, Role.ADMIN])
async def test_whatever_is_sent_no_answer_is_a_defect_or_undocumented(house, role, tmp_path):
    house.add()
    if role is not None:
        # Without limits, or most of what is sent would be answered alike.
        house.access.throttle.admit = lambda *_: None
    # It is made once; on a busy computer that takes longer than the tool waits.
    assert (await house.client().get("/openapi.json")).status == 200
    arguments = [
        "run",
        f"https://localhost:{house.hub.api.port}/openapi.json",
        *("--tls-verify", str(house.hub.directory.path / "tls/ca.crt")),
        *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
        *("--max-examples", "30", "--max-time", "10", "--generation-deterministic"),
        *("--no-color", "--request-timeout", "5"),
    ]
    if role is not None:
        arguments += ["--header", f"Authorization: Bearer {house.user('root', role)}"]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        *arguments,
        cwd=tmp_path,  # it keeps notes where it runs
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    shown = (await process.communicate())[0].decode()
    assert process.returncode == 0, shown
