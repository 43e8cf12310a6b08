"""The QR code as it is drawn, here and by another process."""

import subprocess
import sys

from bridge import qr_picture as module
from bridge.qr_picture import drawn_apart, qr_picture

CODE = "MT:Y.K9042C00KA0648G00"


async def test_another_process_draws_the_same():
    picture = qr_picture(CODE)
    assert len({len(line) for line in picture.splitlines()}) == 1
    assert set(picture) <= set(" ▀▄█\n")
    assert await drawn_apart(CODE) == picture


async def test_what_cannot_be_drawn_is_no_picture():
    assert await drawn_apart("x" * 5000) == ""


async def test_who_waits_too_long_gets_none(monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 0.001)
    assert await drawn_apart(CODE) == ""


def test_a_hub_does_not_load_what_draws():
    check = "import bridge.app, bridge.console, sys; sys.exit('segno' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
