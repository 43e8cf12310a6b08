"""An update from a signed repository to a module with two slots: how it goes, and how it does not."""

import asyncio

import pytest
from firmware_lab.workshop import until

from bridge.firmware import service
from bridge.firmware.job import FirmwareChanged, JobState
from bridge.firmware.refusal import FirmwareError, Reason
from bridge.grid import GridState


async def refusal(work):
    with pytest.raises(FirmwareError) as caught:
        await work
    return caught.value


async def test_a_module_is_updated_confirmed_and_known_by_its_new_version(maker, make_home, module):
    data = maker.release("1.1.0")
    home = await make_home()
    job = await home.service.update(home.key(), "user/anna")
    assert (job.state, job.installed, job.release.version) == (JobState.DOWNLOADING, "1.0.0", "1.1.0")
    await until(lambda: not home.job().active)
    assert home.states == ["downloading", "writing", "starting", "observing", "confirming", "done"]
    slot = module.device.bootloader.current
    assert (slot.version, slot.state, slot.length) == ("1.1.0", "good", len(data))
    assert home.home.registry[home.key()].record.identity.firmware == "1.1.0"
    noted = [entry for entry in home.audit.latest(20) if entry.subject == home.key()]
    assert [entry.action for entry in noted] == [f"firmware {state}" for state in home.states]
    assert noted[0].actor == "user/anna"


@pytest.mark.parametrize("how", ["ill", "dead"])
async def test_a_module_that_does_badly_runs_what_it_ran_before(maker, make_home, module, how):
    maker.release("1.1.0")
    setattr(module.device.bootloader, how, True)
    home = await make_home()
    await home.service.update(home.key(), "user/anna")
    await until(lambda: not home.job().active)
    job = home.job()
    assert (job.state, job.reason) == (JobState.ROLLED_BACK, Reason.UNWELL)
    assert ("new fault: UNWELL" if how == "ill" else "did not start") in job.detail
    loader = module.device.bootloader
    assert (loader.running, loader.current.version, loader.idle.state) == ("A", "1.0.0", "failed")


async def test_a_module_that_stays_away_is_brought_back_by_its_bootloader(maker, make_home, module):
    maker.release("1.1.0")
    home = await make_home(back_s=2)
    await home.service.update(home.key(), "user/anna")
    await until(lambda: home.job().state is JobState.OBSERVING)
    await module.stop()
    await until(lambda: home.job().state is JobState.RETURNING)
    module.device.bootloader.restart()
    await module.start()
    await until(lambda: not home.job().active)
    assert home.job().state is JobState.ROLLED_BACK
    assert module.device.bootloader.current.version == "1.0.0"


async def test_a_module_that_is_removed_meanwhile_ends_its_update(maker, make_home, workshop, module):
    maker.release("1.1.0")
    home = await make_home(observe_s=30, back_s=2)
    await home.service.update(home.key(), "user/anna")
    await until(lambda: home.job().state is JobState.OBSERVING)
    await workshop.look_away()
    home.home.registry.remove(home.key())
    await until(lambda: not home.job().active)
    assert home.job().state is JobState.FAILED
    assert "removed" in home.job().detail


async def test_nothing_is_updated_while_the_home_is_an_island(maker, make_home, module):
    maker.release("1.1.0")
    home = await make_home()
    home.home.grid.state = GridState.LOST
    error = await refusal(home.service.update(home.key(), "user/anna"))
    assert (error.reason, "island" in error.detail) == (Reason.NOT_NOW, True)
    assert list(home.service.jobs) == []


async def test_an_island_in_the_middle_leaves_the_module_as_it_was(maker, shop, make_home, module):
    maker.release("1.1.0")
    module.delay_s = 0.1
    home = await make_home()
    await home.service.update(home.key(), "user/anna")
    await until(lambda: home.job().state is JobState.WRITING)
    home.home.grid.state = GridState.LOST
    await until(lambda: not home.job().active)
    assert (home.job().state, home.job().reason) == (JobState.FAILED, Reason.NOT_NOW)
    module.device.bootloader.restart()
    assert module.device.bootloader.current.version == "1.0.0"


async def test_what_a_hub_does_not_know_yet_is_waited_for(maker, make_home, module, monkeypatch):
    data = maker.release("1.1.0")
    home = await make_home()
    grid = home.home.grid
    monkeypatch.setattr(grid, "meter", lambda: "acme-1")
    grid.state = GridState.UNKNOWN
    assert (await refusal(home.service.update(home.key(), "x"))).reason is Reason.NOT_NOW
    grid.state = GridState.CONNECTED
    await home.service.update(home.key(), "x")
    grid.state = GridState.UNKNOWN
    await until(lambda: len(module.device.bootloader._image) == len(data))
    await asyncio.sleep(1)
    assert home.job().state is JobState.WRITING
    grid.state = GridState.CONNECTED
    await until(lambda: not home.job().active)
    assert home.job().state is JobState.DONE


async def test_batteries_whose_window_opens_together_go_one_after_the_other(maker, make_home, workshop):
    maker.release("1.1.0")
    for serial in ("B1", "B2"):
        await workshop.module(serial, kind="battery")
    home = await make_home()
    now = home.home.clock.utc()
    for serial in ("b1", "b2"):
        await home.service.update(home.key(serial), "x", window=(now + 1, now + 60))
    busy = []

    def note(_):
        at_work = [job for job in home.service.jobs if job.active and job.state is not JobState.WAITING]
        busy.append(len(at_work))

    home.home.bus.subscribe(FirmwareChanged, note)
    await until(lambda: not any(job.active for job in home.service.jobs), 40)
    assert [job.state for job in home.service.jobs] == [JobState.DONE, JobState.DONE]
    assert max(busy) == 1


async def test_older_releases_need_their_makers_word(maker, make_home, module):
    maker.release("0.9.0")
    home = await make_home()
    assert (await refusal(home.service.update(home.key(), "x"))).reason is Reason.NO_RELEASE
    error = await refusal(home.service.update(home.key(), "x", version="0.9.0"))
    assert error.reason is Reason.DOWNGRADE
    maker.release("0.9.1", allowDowngrade=True)
    assert (await refusal(home.service.update(home.key(), "x"))).reason is Reason.NO_RELEASE
    await home.service.update(home.key(), "x", version="0.9.1")
    await until(lambda: not home.job().active)
    assert module.device.bootloader.current.version == "0.9.1"


async def test_a_battery_rests_is_charged_and_is_the_only_one(maker, make_home, workshop):
    maker.release("1.1.0")
    first = await workshop.module("B1", kind="battery")
    second = await workshop.module("B2", kind="battery")
    first.device.power_w, second.device.soc_percent = 800.0, 5.0
    home = await make_home()
    assert "not idle" in (await refusal(home.service.update(home.key(), "x"))).detail
    assert "state of charge is 5 %" in (await refusal(home.service.update(home.key("b2"), "x"))).detail
    first.device.power_w, second.device.soc_percent = 0.0, 50.0
    await until(lambda: home.home.registry[home.key()].reading.power_w == 0)
    await until(lambda: home.home.registry[home.key("b2")].reading.battery.soc_percent == 50)
    await home.service.update(home.key(), "x")
    error = await refusal(home.service.update(home.key("b2"), "x"))
    assert (error.reason, home.key() in error.detail) == (Reason.BUSY, True)
    assert (await refusal(home.service.update(home.key(), "x"))).reason is Reason.BUSY
    await until(lambda: not home.job().active)
    await home.service.update(home.key("b2"), "x")


async def test_a_job_waits_for_its_window_and_for_the_home_in_it(maker, make_home, module):
    maker.release("1.1.0")
    home = await make_home()
    home.home.grid.state = GridState.LOST
    now = home.home.clock.utc()
    job = await home.service.update(home.key(), "x", window=(now + 0.5, now + 1.5))
    assert (job.state, job.cancellable) == (JobState.WAITING, True)
    await until(lambda: not home.job().active)
    assert (home.job().state, "window: the grid is gone" in home.job().detail) == (JobState.FAILED, True)
    home.home.grid.state = GridState.CONNECTED
    now = home.home.clock.utc()
    await home.service.update(home.key(), "x", window=(now + 0.5, now + 60))
    maker.release("1.2.0")
    await until(lambda: not home.job().active)
    assert module.device.bootloader.current.version == "1.2.0"
    error = await refusal(home.service.update(home.key(), "x", window=(now - 60, now - 1)))
    assert error.reason is Reason.NOT_NOW


async def test_a_job_whose_disk_took_nothing_goes_on_by_itself(
    maker, make_home, module, tmp_path, monkeypatch, caplog
):
    maker.release("1.1.0")
    monkeypatch.setattr(service, "DISK_PAUSE_S", 0.2)
    home = await make_home()
    in_the_way = tmp_path / "data" / "firmware" / "images"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("no directory")
    await home.service.update(home.key(), "x")
    await until(lambda: "takes nothing" in home.job().detail)
    await asyncio.sleep(0.5)
    assert (home.job().state, home.job().cancellable) == (JobState.DOWNLOADING, True)
    assert caplog.text.count("waits for the disk") == 1, "it is said once"
    in_the_way.unlink()
    await until(lambda: not home.job().active)
    assert (home.job().state, home.job().detail) == (JobState.DONE, "")


async def test_a_job_that_waits_for_the_disk_is_cancelled(maker, make_home, module, tmp_path):
    maker.release("1.1.0")
    home = await make_home()
    in_the_way = tmp_path / "data" / "firmware" / "images"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("no directory")
    job = await home.service.update(home.key(), "x")
    await until(lambda: "takes nothing" in home.job().detail)
    in_the_way.unlink()
    assert home.service.cancel(job.id).state is JobState.CANCELLED


async def test_a_job_is_cancelled_until_the_module_starts_the_new_firmware(maker, shop, make_home, module):
    maker.release("1.1.0")
    shop.cut_after = 1000
    home = await make_home()
    job = await home.service.update(home.key(), "x")
    assert home.service.cancel(job.id).state is JobState.CANCELLED
    shop.cut_after = None
    job = await home.service.update(home.key(), "x")
    await until(lambda: home.job().state is JobState.OBSERVING)
    with pytest.raises(FirmwareError) as caught:
        home.service.cancel(job.id)
    assert caught.value.reason is Reason.COMMITTED
    with pytest.raises(FirmwareError):
        home.service.cancel("0" * 17)
    await until(lambda: not home.job().active)
    assert home.job().state is JobState.DONE


async def test_a_release_that_did_badly_twice_is_halted(maker, make_home, workshop):
    maker.release("1.1.0")
    for serial in ("B1", "B2", "B3"):
        server = await workshop.module(serial)
        server.device.bootloader.dead = True
    home = await make_home()
    for serial in ("b1", "b2"):
        await home.service.update(home.key(serial), "x")
        await until(lambda: not home.job().active)
    error = await refusal(home.service.update(home.key("b3"), "x"))
    assert (error.reason, "halted" in error.detail) == (Reason.HELD_BACK, True)


@pytest.mark.parametrize(
    "state", ["downloading", "writing", "starting", "observing", "confirming", "returning"]
)
async def test_a_hub_that_is_killed_goes_on_where_it_was(maker, shop, make_home, module, state, monkeypatch):
    data = maker.release("1.1.0")
    module.device.bootloader.ill = state == "returning"
    home = await make_home()
    with monkeypatch.context() as patch:
        # Nothing that this hub keeps after it has entered the state is kept: it is dead.
        keep, dead = home.service.jobs._keep, []

        def keep_until_dead(job):
            if not dead:
                keep(job)
            if dead or job.state == state:
                dead.append(job)
                raise KilledError

        patch.setattr(home.service.jobs, "_keep", keep_until_dead)
        if state == "downloading":
            with pytest.raises(KilledError):
                await home.service.update(home.key(), "x")
        else:
            await home.service.update(home.key(), "x")
        await until(lambda: dead)
        await home.service.stop()
    again = await make_home()
    assert again.job().state in {state, "done", "rolled-back"}
    await until(lambda: not again.job().active)
    loader = module.device.bootloader
    if state == "returning":
        assert (again.job().state, loader.current.version) == (JobState.ROLLED_BACK, "1.0.0")
    else:
        assert (again.job().state, loader.current.version) == (JobState.DONE, "1.1.0")
        assert (loader.current.state, loader.current.length) == ("good", len(data))


class KilledError(Exception):
    """Ends a hub's work at once."""


async def test_modules_without_slots_take_nothing(maker, make_home, module, make_device):
    home = await make_home()
    (other,) = home.home.registry.found([make_device("7")], "sunspec")
    error = await refusal(home.service.update(other.key, "x"))
    assert (error.reason, "maker, ACME" in error.remedy) == (Reason.NO_TRANSPORT, True)
