"""What somebody between the home and the maker could try, and what comes of it."""

import hashlib

import pytest
from firmware_lab.repository import Maker, in_days
from firmware_lab.workshop import until
from securesystemslib.signer import CryptoSigner

from bridge.faults import Severity
from bridge.firmware import download
from bridge.firmware.job import JobState
from bridge.firmware.refusal import FirmwareAlert, FirmwareError, Reason
from bridge.firmware.repository import FirmwareRepository


@pytest.fixture
def repository(maker, shop, tmp_path):
    return FirmwareRepository(shop.url, maker.root, tmp_path / "data" / "firmware")


async def refusal(repository):
    with pytest.raises(FirmwareError) as caught:
        await repository.releases()
    return caught.value


async def test_signed_releases_are_told(maker, repository, tmp_path):
    data = maker.release("1.1.0", minFw="1.0.0", rollout={"percent": 20, "seed": "spring"})
    (release,) = await repository.releases()
    assert (release.version, release.hardware, release.minimum) == ("1.1.0", ("bench-1",), "1.0.0")
    assert (release.percent, release.seed, release.allow_downgrade) == (20, "spring", False)
    assert (release.length, release.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (tmp_path / "data/firmware/root.json").read_bytes() == maker.root.read_bytes()


async def test_the_root_stays_trusted_when_its_file_is_gone(maker, repository):
    maker.release("1.1.0")
    await repository.releases()
    maker.root.rename(maker.root.with_suffix(".elsewhere"))
    assert len(await repository.releases()) == 1


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_metadata_past_its_end_is_a_freeze(maker, repository, role):
    maker.release("1.1.0", sign=False)
    maker.roles[role].expires = in_days(-1)
    maker.sign()
    assert (await refusal(repository)).reason is Reason.FROZEN


async def test_metadata_from_before_is_a_rollback(maker, repository):
    maker.release("1.1.0")
    before = maker.metadata()
    maker.release("1.2.0")
    assert len(await repository.releases()) == 2
    maker.replay(before)
    error = await refusal(repository)
    assert (error.reason, "older metadata" in error.detail) == (Reason.UNTRUSTED, True)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_another_key_signs_nothing(maker, repository, role):
    maker.keys[role] = CryptoSigner.generate_ed25519()
    maker.release("1.1.0")
    error = await refusal(repository)
    assert (error.reason, "signatures" in error.detail) == (Reason.UNTRUSTED, True)


async def test_a_whole_other_repository_is_not_trusted(maker, shop, repository, tmp_path):
    maker.release("1.1.0")
    await repository.releases()
    shop.maker = Maker(tmp_path / "impostor")
    for _ in range(5):
        shop.maker.release("9.0.0")
    assert (await refusal(repository)).reason is Reason.UNTRUSTED


async def test_changed_and_unreadable_metadata_is_not_trusted(maker, repository):
    maker.release("1.1.0")
    file = maker.directory / "metadata" / "timestamp.json"
    file.write_bytes(file.read_bytes().replace(b'"version"', b'"Version"'))
    assert (await refusal(repository)).reason is Reason.UNTRUSTED
    file.write_bytes(b"\xff{")
    assert (await refusal(repository)).reason is Reason.UNTRUSTED


async def test_endless_metadata_is_cut_off(maker, repository):
    (maker.directory / "metadata" / "timestamp.json").write_bytes(b"[" * 1_000_000)
    assert (await refusal(repository)).reason is Reason.UNTRUSTED


async def test_a_repository_that_is_away_is_no_attack(shop, repository):
    shop.down = True
    assert (await refusal(repository)).reason is Reason.UNREACHABLE


@pytest.mark.parametrize("what", ["metadata/", "targets/"])
async def test_nobody_leads_the_hub_elsewhere(maker, shop, make_home, module, what, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    maker.release("1.1.0")
    shop.lead_from, shop.lead_to = what, f"{shop.url}/elsewhere"
    home = await make_home()
    if what == "metadata/":
        with pytest.raises(FirmwareError) as caught:
            await home.service.update(home.key(), "x")
        assert caught.value.reason is Reason.UNREACHABLE
    else:
        await home.service.update(home.key(), "x")
        await until(lambda: not home.job().active)
        assert home.job().reason == Reason.UNREACHABLE
    assert "elsewhere" not in [path for path, _ in shop.asked]


async def test_a_repository_that_drips_is_given_up_and_asked_again_later(
    maker, shop, repository, monkeypatch
):
    monkeypatch.setattr("bridge.firmware.repository.PATIENCE", 0.5)
    maker.release("1.1.0")
    shop.drips = True
    assert (await refusal(repository)).reason is Reason.UNREACHABLE
    shop.drips = False
    await until(repository._work.done)
    assert len(await repository.releases()) == 1


async def test_targets_that_are_no_releases_are_left_out(maker, repository):
    maker.release("1.1.0", rollout={"percent": 200})
    maker.release("not a version")
    maker.release("1.2.0", hwModel=7)
    maker.release("1.3.0")
    assert [release.version for release in await repository.releases()] == ["1.3.0"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data[:-1] + b"!", "its hash differs"),
        (lambda data: data + b"!", "it is longer"),
        (lambda data: data[:-1], "it is shorter"),
    ],
)
async def test_a_changed_image_reaches_no_module(maker, make_home, module, tmp_path, change, why):
    data = maker.release("1.1.0")
    maker.file("1.1.0").write_bytes(change(data))
    home = await make_home()
    alerts = []
    home.home.bus.subscribe(FirmwareAlert, alerts.append)
    await home.service.update(home.key(), "x")
    await until(lambda: not home.job().active)
    job = home.job()
    assert (job.state, job.reason, why in job.detail) == (JobState.FAILED, Reason.UNTRUSTED, True)
    assert [alert.reason for alert in alerts] == [None, Reason.UNTRUSTED]
    assert module.device.bootloader.idle.state == "empty"
    assert module.device.bootloader.idle.version == ""
    assert list((tmp_path / "data/firmware/images").iterdir()) == []


async def test_a_freeze_is_an_alert_that_everybody_sees(maker, make_home, module):
    maker.roles["timestamp"].expires = in_days(-1)
    maker.release("1.1.0")
    home = await make_home()
    alerts = []
    home.home.bus.subscribe(FirmwareAlert, alerts.append)
    with pytest.raises(FirmwareError):
        await home.service.update(home.key(), "x")
    assert [alert.reason for alert in alerts] == [Reason.FROZEN]
    assert home.service.repository.alert is Reason.FROZEN
    (alert,) = home.home.alerts.unresolved()
    assert (alert.code, alert.severity) == ("FIRMWARE_FROZEN", Severity.WARNING)
    assert home.audit.latest(1)[0].action == "alert firmware-frozen"
    maker.roles["timestamp"].expires = in_days(1)
    maker.sign()
    await home.service.update(home.key(), "x")
    assert home.service.repository.alert is None
    assert home.home.alerts.unresolved() == []
