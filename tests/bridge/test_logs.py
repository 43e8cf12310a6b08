import io
import logging
import re

import pytest

from bridge.logs import PERIOD, REPEATS, Formatter, RepeatFilter, redacted


class Stage:
    """A logger whose output a test can read."""

    def __init__(self, *, journal=False):
        self.now = 0.0
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(Formatter(journal=journal))
        handler.addFilter(RepeatFilter(lambda: self.now))
        self.logger = logging.Logger("bridge.test", logging.DEBUG)  # noqa: LOG001 - its own, known to nobody
        self.logger.addHandler(handler)

    def repeat(self, times):
        for _ in range(times):
            self.logger.warning("no answer from %s", "meter")

    @property
    def lines(self):
        return self.stream.getvalue().splitlines()


def test_a_line_at_a_terminal_begins_with_the_time():
    stage = Stage()
    stage.logger.info("%s answers", "Roof")
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO    Roof answers", stage.lines[0])


def test_what_a_device_is_called_begins_no_line_of_its_own():
    stage = Stage()
    stage.logger.info("%s answers", "Roof\n22:58:01 INFO    all is well\x1b[31m")
    assert len(stage.lines) == 1
    assert stage.lines[0].endswith(r"Roof\n22:58:01 INFO    all is well\x1b[31m answers")


def test_every_line_in_the_journal_carries_its_priority():
    stage = Stage(journal=True)
    try:
        int("bad")
    except ValueError:
        stage.logger.exception("it failed")
    assert stage.lines[0] == "<3>bridge.test: it failed"
    assert all(line.startswith("<3>") for line in stage.lines)


def test_repeats_are_held_back_and_counted():
    stage = Stage()
    stage.repeat(REPEATS + 20)
    assert len(stage.lines) == REPEATS
    stage.now += PERIOD
    stage.repeat(1)
    assert stage.lines[-1].endswith("no answer from meter (20 more like this in the last minute)")
    stage.logger.warning("something else")
    assert stage.lines[-1].endswith("something else")


@pytest.mark.parametrize(
    "text",
    [
        "SetupQRCode: [MT:-24J0AFN00KA0648G00]",
        "passcode=20202021",
        "{'passcode': 20202021, 'discriminator': 3840}",
        "enable_key = 00112233445566778899aabbccddeeff",
        'token: "s3cr3t value"',
        "private key: b'\\x01\\x02'",
    ],
)
def test_secrets_are_blacked_out(text):
    shown = redacted(text)
    assert "[redacted]" in shown
    assert not re.search(r"20202021|00112233|s3cr3t|x01|-24J0AFN00KA0648G00", shown)


def test_ordinary_text_stays_as_it_is():
    text = "acme-1001: power_limit_percent 50 by user (cli) is applied"
    assert redacted(text) == text
