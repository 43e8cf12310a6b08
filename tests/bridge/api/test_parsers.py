"""What comes from the network: any bytes get a result or a problem, and no answer is a defect."""

import json
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.access.tokens import SESSION, new_token
from bridge.api import identity
from bridge.api.hosts import Hosts, host_name
from bridge.api.intake import check_json, media_type, negotiate, parse_body, parse_query
from bridge.api.models import Model
from bridge.api.operation import CSV, EVENTS, JSON
from bridge.api.problems import Problem
from bridge.api.router import ENDPOINTS, Router
from bridge.api.streams import Event, event_bytes

OPERATIONS = Router().every()
HEADER = st.text(st.characters(codec="latin-1"), max_size=300)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def tried(work, *arguments):
    """What came of it: its result, or the problem."""
    try:
        return work(*arguments)
    except Problem as problem:
        return problem


@given(HEADER)
def test_any_host_is_a_name_or_none(header):
    name = host_name(header)
    assert name is None or set(name) <= set(string.ascii_lowercase + string.digits + "-_.:[]")
    assert not Hosts(("hub.local",), ()).is_own(header + "\x00")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Hub.local", "hub.local"),
        ("hub.local.:8443", "hub.local"),
        ("[FD00::1]:8443", "fd00::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("hub.local:", None),
        ("hub.local:99999", None),
        ("a@hub.local", None),
        ("hub.local/x", None),
        ("[::1", None),
    ],
)
def test_hosts_as_they_are_written(header, name):
    assert host_name(header) == name


@given(HEADER)
def test_any_authorization_is_a_token_or_a_problem(header):
    found = tried(identity.bearer_token, header)
    assert found.kind.status == 401 if isinstance(found, Problem) else found in header


@given(HEADER | HEADER.map(lambda text: f"{identity.COOKIE}={text}"))
def test_any_cookie_is_a_token_or_none(header):
    token = identity.cookie_token(header)
    assert token is None or (token in header and token.startswith("ores_"))


def test_the_sessions_cookie_is_found_among_others():
    token = new_token(SESSION)
    assert identity.cookie_token(f"a=b; {identity.COOKIE}={token}; c=d") == token
    assert identity.cookie_token(f"x{identity.COOKIE}={token}") is None


@given(HEADER)
def test_any_accept_is_answered_in_a_form_that_is_offered(header):
    found = tried(negotiate, header, (JSON, CSV, EVENTS))
    assert found.kind.status == 406 if isinstance(found, Problem) else found in {JSON, CSV, EVENTS}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/csv, */*;q=0.1", CSV),
        ("text/*", CSV),
        ("application/json;q=0.2, text/event-stream", EVENTS),
        ("text/csv;q=0, */*", JSON),
    ],
)
def test_what_is_wanted_most_is_answered(accept, media):
    assert negotiate(accept, (JSON, CSV, EVENTS)) == media


@given(HEADER)
def test_any_content_type_is_read(header):
    assert media_type(header) == media_type(header).lower()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
@given(query=st.text(max_size=200) | st.text(alphabet="modulecn=&%F0", max_size=60))
def test_any_query_is_a_model_or_a_problem(operation, query):
    found = tried(parse_query, operation, query)
    assert isinstance(found, operation.query) or found.kind.status == 422


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=lambda each: each.name)
@given(raw=st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_model_or_a_problem(operation, raw):
    found = tried(parse_body, operation, raw)
    if isinstance(found, Problem):
        assert found.kind.status in {400, 422}
        assert json.loads(found.body("x"))["status"] == found.kind.status
    else:
        assert isinstance(found, Model)


@pytest.mark.parametrize(
    ("name", "body", "where", "detail"),
    [
        (
            "PATCH /hub/configure",
            {"settings": {"colour/blue ~": {}}},
            "#/settings/colour~1blue%20~0",
            "Input should be 'tariff'",
        ),
        ("PATCH /hub/configure", {"window_s": 3}, "#/window_s", "Input should be greater than"),
        ("POST /microinverter/control", {"module": "a"}, "#", "give exactly one of power_limit_w"),
    ],
)
def test_a_problem_points_at_what_does_not_fit(name, body, where, detail):
    (operation,) = [each for each in OPERATIONS if each.name == name]
    (flaw,) = tried(parse_body, operation, json.dumps(body).encode()).flaws
    assert flaw.where == where
    assert flaw.detail.startswith(detail)


@given(VALUES)
def test_json_that_says_everything_once_is_json(value):
    text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:
        return
    check_json(text.encode())


@given(st.text(), st.text(), st.text())
def test_no_text_in_an_event_begins_another_one(data, name, number):
    class Said(Model):
        text: str

    try:
        model = Said(text=data)
        sent = event_bytes(Event(model, id=number, name=name)).decode()
    except ValueError:
        return  # a lone surrogate is no text
    assert sent.count("\n\n") == 1
    assert sent.endswith("\n\n")
    assert sum(line.startswith("data: ") for line in re.split("\r\n|\r|\n", sent)) == 1


def test_every_path_has_its_operations_and_each_module_serves_only_its_path():
    assert {operation.path for operation in OPERATIONS} == set(ENDPOINTS)
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
