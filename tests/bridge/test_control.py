import asyncio
import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.control import (
    REQUEST_LIMIT,
    ControlClient,
    ControlError,
    ControlServer,
    HubNotRunningError,
    JsonText,
    Request,
    parse_request,
)


async def double(params):
    if "number" not in params:
        raise ControlError("invalid", "number is missing")
    return params["number"] * 2


async def written(params):
    return JsonText(iter(('{"a":', "[1, 2]}")))


async def broken(params):
    raise RuntimeError("bug")


@pytest.fixture
async def server(tmp_path):
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    path = directory / "control.sock"
    path.touch()  # what a killed hub leaves
    server = ControlServer(path, {"double": double, "broken": broken, "written": written})
    await server.start()
    yield path
    await server.stop()
    assert not path.exists()


async def ask(path, method, **params):
    def blocking():
        client = ControlClient(path)
        try:
            return client.ask(method, **params)
        finally:
            client.close()

    return await asyncio.to_thread(blocking)


async def exchange(path, *lines):
    reader, writer = await asyncio.open_unix_connection(f"/proc/self/cwd/{path}")
    for line in lines:
        writer.write(line)
    writer.write_eof()
    answers = await reader.read()
    writer.close()
    return [json.loads(line) for line in answers.splitlines()]


async def test_a_request_is_answered_through_a_socket_of_the_owner_alone(server):
    assert await ask(server, "double", number=21) == 42
    assert await ask(server, "written") == {"a": [1, 2]}
    assert stat.S_IMODE(server.stat().st_mode) == 0o600


async def test_errors_reach_the_client_with_their_code(server, caplog):
    with pytest.raises(ControlError, match="number is missing") as caught:
        await ask(server, "double")
    assert caught.value.code == "invalid"
    with pytest.raises(ControlError, match="there is no method 'treble'; there are broken, double"):
        await ask(server, "treble")
    with pytest.raises(ControlError, match="its log says why"):
        await ask(server, "broken")
    assert "bug" in caplog.text


def test_without_a_hub_the_client_says_so(tmp_path):
    with pytest.raises(HubNotRunningError, match="no hub is running"):
        ControlClient(tmp_path / "control.sock")
    with pytest.raises(HubNotRunningError):
        ControlClient(tmp_path / "absent" / "control.sock")


async def test_a_line_that_is_too_long_ends_the_conversation(server, monkeypatch):
    monkeypatch.chdir(server.parent)
    answers = await exchange("control.sock", b"x" * (REQUEST_LIMIT * 2) + b"\n")
    assert answers[0]["error"]["code"] == "malformed"
    assert await ask(server, "double", number=1) == 2


async def test_nonsense_is_answered_and_the_next_request_is_served(server, monkeypatch):
    monkeypatch.chdir(server.parent)
    answers = await exchange(
        "control.sock",
        b"\xff\xfe\n",
        b"[" * 9000 + b"\n",
        b'{"method": 1}\n',
        b'{"method": "double", "params": {"number": 4}}\n',
    )
    assert [answer.get("error", {}).get("code") for answer in answers] == ["malformed"] * 3 + [None]
    assert answers[3]["result"] == 8


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_a_request_or_malformed(line):
    try:
        request = parse_request(line)
    except ControlError as error:
        code = error.code
    else:
        code = "malformed" if isinstance(request, Request) else "something else"
    assert code == "malformed"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["method", "params", "id"]), json_values))
def test_only_the_right_shape_is_a_request(values):
    right = (
        isinstance(values.get("method"), str)
        and isinstance(values.get("params", {}), dict)
        and "id" not in values
    )
    try:
        parse_request(json.dumps(values).encode())
    except ControlError:
        assert not right
    else:
        assert right
