"""Alerts on their way to what people use: a mail server, an MQTT broker, and ntfy as its protocol says."""

import asyncio
import contextlib
import json
import socket
import threading
from email import message_from_bytes, policy

import aiohttp.web
import paho.mqtt.client as mqtt
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from amqtt.broker import Broker
from argon2 import PasswordHasher

from bridge import delivery
from bridge.channels import judge
from bridge.delivery import DeliveryError, Message, deliver

ALERT = Message("Größe: Überdruck", "Cell voltages 0.31 V apart. Done: held.", "critical")
UNENCRYPTED = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
"""On 127.0.0.1 nobody listens in."""
OVER = Message("Over: Größe: Überdruck", "It is so no more, after 12 minutes.", "over")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---------------------------------------------------------------------- e-mail


class Letters:
    """What a mail server took in."""

    def __init__(self):
        self.taken = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        letter = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, letter))
        return "250 OK"


@pytest.fixture
def mail():
    """A mail server that takes letters of anna alone."""
    letters = Letters()

    def authenticate(server, session, envelope, mechanism, login):
        known = (login.login, login.password) == (b"anna", b"ge!heim")
        return AuthResult(success=known, handled=False)  # the server answers, whoever it is

    controller = Controller(
        letters,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    letters.port = controller.port
    yield letters
    controller.stop()


def mail_url(mail, password="ge%21heim"):
    return f"mailto://anna:{password}@127.0.0.1:{mail.port}?smtp=127.0.0.1&from=hub@example.org&to=anna@example.org"


@UNENCRYPTED
async def test_an_alert_and_its_end_come_by_mail(mail):
    channel = judge("mail", mail_url(mail))
    await deliver(channel, ALERT)
    await deliver(channel, OVER)
    for message, (sender, to, letter) in zip((ALERT, OVER), mail.taken, strict=True):
        assert (sender, to) == ("hub@example.org", ["anna@example.org"])
        assert letter["Subject"] == message.title
        assert message.text in letter.get_body(("plain", "html")).get_content()


@UNENCRYPTED
async def test_a_mail_server_that_refuses_is_told_of_without_the_password(mail):
    with pytest.raises(DeliveryError) as refused:
        await deliver(judge("mail", mail_url(mail, "wr0ngpass")), ALERT)
    assert "Connection error" in str(refused.value)
    assert "wr0ngpass" not in str(refused.value)
    assert mail.taken == []


# ---------------------------------------------------------------------- MQTT


@pytest.fixture
async def broker(tmp_path):
    """An MQTT broker that knows anna alone; its port."""
    passwords = tmp_path / "passwords"
    passwords.write_text(f"anna:{PasswordHasher(time_cost=1, memory_cost=64).hash('geheim')}\n")
    port = free_port()
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(passwords)},
            },
        }
    )
    await broker.start()
    yield port
    await broker.shutdown()


@contextlib.contextmanager
def listening(port, topic):
    """A home's other program at the broker: what it hears, as (topic, text)."""
    heard, ready = [], threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set("anna", "geheim")
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, message: heard.append(
        (message.topic, message.payload.decode())
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield heard, ready
    finally:
        client.disconnect()
        client.loop_stop()


async def test_an_alert_comes_to_a_topic_of_a_broker(broker):
    def heard_by_another_program():
        with listening(broker, "home/#") as (heard, ready):
            assert ready.wait(10)
            asyncio.run_coroutine_threadsafe(deliver(channel, ALERT), loop).result(30)
            for _ in range(100):
                if heard:
                    break
                threading.Event().wait(0.05)
            return heard

    loop = asyncio.get_running_loop()
    channel = judge("broker", f"mqtt://anna:geheim@127.0.0.1:{broker}/home/alerts?qos=1")
    ((topic, text),) = await asyncio.to_thread(heard_by_another_program)
    assert topic == "home/alerts"
    assert ALERT.title in text
    assert ALERT.text in text


async def test_a_broker_that_refuses_did_not_take_it(broker, monkeypatch):
    monkeypatch.setattr(delivery, "PATIENCE", 6.0)  # an MQTT client goes on trying
    channel = judge("broker", f"mqtt://anna:wr0ngpass@127.0.0.1:{broker}/home/alerts?qos=1")
    with pytest.raises(DeliveryError) as refused:
        await deliver(channel, ALERT)
    assert "wr0ngpass" not in str(refused.value)


# ---------------------------------------------------------------------- ntfy


@pytest.fixture
async def ntfy():
    """The publishing side of ntfy (docs.ntfy.sh/publish): JSON with a topic, Bearer token, its errors."""
    taken = []

    async def publish(request):
        if request.headers.get("Authorization") != "Bearer tk_geheim":
            return aiohttp.web.json_response({"code": 40301, "http": 403, "error": "forbidden"}, status=403)
        try:
            message = json.loads(await request.text())
            assert message["topic"].isalnum()
            assert 1 <= message.get("priority", 3) <= 5
        except (ValueError, KeyError, AssertionError):
            return aiohttp.web.json_response({"code": 40024, "http": 400, "error": "invalid"}, status=400)
        taken.append(message)
        answer = {"id": "x1", "time": 1, "expires": 2, "event": "message", "topic": message["topic"]}
        return aiohttp.web.json_response(answer)

    application = aiohttp.web.Application()
    application.router.add_post("/", publish)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taken_at = (taken, runner.addresses[0][1])
    yield taken_at
    await runner.cleanup()


async def test_an_alert_is_published_to_a_topic_of_ntfy(ntfy):
    taken, port = ntfy
    await deliver(judge("phone", f"ntfy://tk_geheim@127.0.0.1:{port}/ourhome"), ALERT)
    (message,) = taken
    assert (message["topic"], message["title"], message["message"]) == ("ourhome", ALERT.title, ALERT.text)


async def test_ntfy_that_refuses_did_not_take_it(ntfy):
    taken, port = ntfy
    with pytest.raises(DeliveryError) as refused:
        await deliver(judge("phone", f"ntfy://tk_wr0ngtoken@127.0.0.1:{port}/ourhome"), ALERT)
    assert "wr0ngtoken" not in str(refused.value)
    assert taken == []
