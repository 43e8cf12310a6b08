"""Fetching an image: in parts, again after a restart, and never another one."""

import hashlib

import pytest

from bridge.firmware.download import download
from bridge.firmware.refusal import FirmwareError, Reason
from bridge.firmware.repository import FirmwareRepository


@pytest.fixture
async def release(maker, shop, tmp_path):
    maker.release("1.1.0", data=maker.image(500_000))
    (release,) = await FirmwareRepository(shop.url, maker.root, tmp_path / "seen").releases()
    return release


@pytest.fixture
def fetch(shop, release, tmp_path):
    async def fetch():
        told = []
        file = await download(
            release, f"{shop.url}/targets", tmp_path / "images", progress=told.append, pause=0.01
        )
        return file, told

    return fetch


async def test_an_image_is_fetched_once(shop, release, fetch):
    file, told = await fetch()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == release.sha256
    assert (told == sorted(told), told[-1]) == (True, 100)
    await fetch()
    assert shop.ranges == [None]


async def test_what_is_there_is_not_fetched_again(shop, fetch):
    shop.cut_after = 200_000
    file, _ = await fetch()
    assert file.stat().st_size == 500_000
    assert (shop.ranges[0], len(shop.ranges)) == (None, 3)
    offsets = [int(text.removeprefix("bytes=").rstrip("-")) for text in shop.ranges[1:]]
    assert 0 < offsets[0] <= 200_000 < offsets[1] <= 400_000


async def test_a_part_from_before_a_restart_is_gone_on_from(maker, shop, release, fetch, tmp_path):
    part = tmp_path / "images" / f"{release.sha256}.part"
    part.parent.mkdir()
    part.write_bytes(maker.image(123_456))
    await fetch()
    assert shop.ranges == ["bytes=123456-"]


async def test_a_part_of_something_else_is_noticed_at_the_end(release, fetch, tmp_path):
    part = tmp_path / "images" / f"{release.sha256}.part"
    part.parent.mkdir()
    part.write_bytes(b"?" * 1000)
    with pytest.raises(FirmwareError) as caught:
        await fetch()
    assert caught.value.reason is Reason.UNTRUSTED
    assert not part.exists()
    await fetch()


async def test_a_server_that_brings_nothing_is_given_up(shop, fetch):
    shop.down = True
    with pytest.raises(FirmwareError) as caught:
        await fetch()
    assert caught.value.reason is Reason.UNREACHABLE
    assert len(shop.ranges) == 8
