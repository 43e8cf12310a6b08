"""Which release a module takes, and when its turn comes."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firmware.job import FirmwareJob, JobState
from bridge.firmware.matching import choose
from bridge.firmware.refusal import FirmwareError, Reason
from bridge.firmware.release import Release, parse_release
from bridge.firmware.rollout import bucket, check_rollout
from bridge.firmware.version import FirmwareVersion

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
CUSTOM = st.fixed_dictionaries(
    {},
    optional={
        "hwModel": st.text() | st.lists(st.text()) | ANYTHING,
        "version": st.text() | st.just("1.0.0") | ANYTHING,
        "minFw": st.text() | ANYTHING,
        "rollout": st.fixed_dictionaries({}, optional={"percent": ANYTHING, "seed": ANYTHING}) | ANYTHING,
        "allowDowngrade": ANYTHING,
    },
)
SHA256 = "ab" * 32


def release(version, **values):
    return replace(Release(f"{version}.img", f"{version}.img", version, ("acme-1",), 10, SHA256), **values)


def reason(work, *arguments):
    with pytest.raises(FirmwareError) as caught:
        work(*arguments)
    return caught.value.reason


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("1.0.0", "1.0.1"),
        ("1.9", "1.10"),
        ("1.0.0-rc.1", "1.0.0"),
        ("1.0.0-rc.2", "1.0.0-rc.10"),
        ("1.0.0-1", "1.0.0-alpha"),
        ("v1.2.3", "1.2.3.1"),
    ],
)
def test_versions_are_ordered(less, more):
    assert FirmwareVersion.parse(less) < FirmwareVersion.parse(more)
    assert not FirmwareVersion.parse(more) < FirmwareVersion.parse(less)


def test_versions_that_differ_in_their_build_are_equal():
    assert FirmwareVersion.parse("1.0+a") == FirmwareVersion.parse("v1.0.0")


@given(st.text() | st.from_regex(r"v?\d+(\.\d+)*(-[a-z0-9.]*)?"))
def test_any_text_is_a_version_or_none(text):
    try:
        version = FirmwareVersion.parse(text)
    except ValueError:
        return
    assert version == FirmwareVersion.parse(text)
    assert not version < version  # noqa: PLR0124 - an order is irreflexive


@given(CUSTOM | ANYTHING, st.integers(), st.text() | st.just(SHA256))
def test_whatever_is_signed_is_a_release_or_none(custom, length, sha256):
    try:
        found = parse_release("a.img", "a.img", length, sha256, custom)
    except ValueError:
        return
    assert found.length > 0
    assert 0 <= found.percent <= 100
    FirmwareVersion.parse(found.version)
    assert Release.from_values(found.values()) == found


def test_the_newest_that_fits_is_chosen():
    releases = [release("1.1"), release("1.3", minimum="1.2"), release("1.2"), release("2", hardware=("b",))]
    assert choose(releases, "acme-1", "1.0").version == "1.2"
    assert choose(releases, "acme-1", "1.2").version == "1.3"
    assert choose(releases, "acme-1", "1.0", "1.1").version == "1.1"


@pytest.mark.parametrize(
    ("hardware", "installed", "wanted", "why"),
    [
        ("acme-2", "1.0", None, Reason.NO_RELEASE),
        ("acme-1", "1.3", None, Reason.NO_RELEASE),
        ("acme-1", "1.2", "1.2", Reason.NO_RELEASE),
        ("acme-1", "1.0", "1.3", Reason.NO_RELEASE),
        ("acme-1", "1.0", "7.7", Reason.NO_RELEASE),
        ("acme-1", "1.0", "latest", Reason.NO_RELEASE),
        ("acme-1", "spring edition", None, Reason.NO_RELEASE),
        ("acme-1", "1.3", "1.2", Reason.DOWNGRADE),
    ],
)
def test_what_does_not_fit_is_refused(hardware, installed, wanted, why):
    releases = [release("1.2"), release("1.3", minimum="1.2")]
    assert reason(choose, releases, hardware, installed, wanted) is why


def test_buckets_are_what_is_documented_and_spread_evenly():
    expected = int(hashlib.sha256(b"acme-7|spring").hexdigest(), 16) % 100
    assert bucket("acme-7", "spring") == expected
    counts = [bucket(f"acme-{number}", "spring") < 20 for number in range(2000)]
    assert 300 < sum(counts) < 500


def test_a_release_reaches_modules_in_stages():
    place = bucket("acme-7", "spring")
    staged = release("1.1", seed="spring", percent=place)
    assert reason(check_rollout, staged, "acme-7", 100, []) is Reason.HELD_BACK
    check_rollout(replace(staged, percent=place + 1), "acme-7", 100, [])
    assert reason(check_rollout, replace(staged, percent=100), "acme-7", 0, []) is Reason.HELD_BACK


def test_a_release_is_halted_at_two_failures_or_five_percent():
    one = release("1.1")

    def jobs(failed, done):
        states = [JobState.ROLLED_BACK] * failed + [JobState.DONE] * done
        return [
            FirmwareJob(
                id=str(number),
                module=f"acme-{number}",
                release=one,
                installed="1.0",
                wanted=None,
                by="x",
                state=state,
                created=0,
                changed=0,
                committed=True,
            )
            for number, state in enumerate(states)
        ]

    check_rollout(one, "acme-x", 100, jobs(1, 3))
    assert reason(check_rollout, one, "acme-x", 100, jobs(2, 3)) is Reason.HELD_BACK
    check_rollout(one, "acme-x", 100, jobs(2, 98))
    assert reason(check_rollout, one, "acme-x", 100, jobs(5, 95)) is Reason.HELD_BACK
    check_rollout(replace(one, sha256="cd" * 32), "acme-x", 100, jobs(5, 5))


def test_a_job_is_read_as_it_was_stored():
    job = FirmwareJob(
        id="1",
        module="acme-1",
        release=release("1.1"),
        installed="1.0",
        wanted="1.1",
        by="user/anna",
        state=JobState.WRITING,
        created=1.0,
        changed=2.0,
        window=(1.0, 2.0),
        faults=("HOT",),
    )
    assert FirmwareJob.from_json(replace(job, progress=50).to_json()) == job
