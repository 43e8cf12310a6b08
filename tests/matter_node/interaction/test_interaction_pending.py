"""When changes are due: at once, quieter ones at their distance, lazy ones in a minute (Matter Core 7.7)."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from matter_node.interaction.pending_reports import LAZY_SECONDS, QUIET_REPORT_SECONDS, PendingReports
from matter_node.model import Urgency

A, B = (1, 6, 0), (2, 6, 0)


def test_nothing_is_due_while_nothing_has_changed():
    pending = PendingReports(100.0)
    assert pending.soonest == inf
    assert pending.take(200.0) == []


def test_the_greater_urgency_counts_in_either_order():
    for urgencies in ([Urgency.NOW, Urgency.LAZY], [Urgency.LAZY, Urgency.NOW]):
        pending = PendingReports(100.0)
        for urgency in urgencies:
            pending.mark(A, urgency, 100.5, 1.0)
        assert pending.soonest == 100.5
        assert pending.take(100.5) == [A]
        assert (len(pending), pending.soonest) == (0, inf)


def test_a_long_quiet_time_is_each_attribute_s_own():
    pending = PendingReports(100.0)
    pending.mark(A, Urgency.NOW, 105.0, 10.0)
    assert pending.take(105.0) == [A]
    pending.mark(A, Urgency.QUIET, 106.0, 10.0)
    pending.mark(B, Urgency.QUIET, 106.0, 10.0)
    assert pending.soonest == 110.0  # B, reported with all the others when the subscription began
    assert pending.take(110.0) == [B]
    assert pending.soonest == 115.0
    assert pending.take(115.0) == [A]


def test_what_did_not_arrive_is_due_again():
    pending = PendingReports(100.0)
    pending.mark(A, Urgency.NOW, 101.0)
    pending.restore(pending.take(101.0), 102.0)
    assert pending.soonest == 102.0
    assert pending.take(102.0) == [A]


changes = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.sampled_from([A, B]),
        st.sampled_from([Urgency.QUIET, Urgency.LAZY]),
    ),
    max_size=40,
)


@given(changes)
def test_quieter_attributes_keep_their_distance_and_none_is_forgotten(steps):
    pending, now = PendingReports(0.0), 0.0
    reports: dict[tuple[int, int, int], float] = {A: 0.0, B: 0.0}
    changed: dict[tuple[int, int, int], float] = {}
    last = -inf

    def report_until(end):
        nonlocal last
        while pending.soonest <= end:
            due = pending.soonest
            taken = pending.take(due)
            assert taken, "a report that is due has something to report"
            assert due - last >= QUIET_REPORT_SECONDS - 1e-6
            for key in taken:
                assert due - reports[key] >= quiet[key] - 0.001
                assert due - changed.pop(key) <= LAZY_SECONDS + 10
                reports[key] = due
            last = due

    quiet = {A: 1.0, B: 10.0}
    for pause, key, urgency in steps:
        report_until(now + pause)
        now += pause
        pending.mark(key, urgency, now, quiet[key])
        changed.setdefault(key, now)
    report_until(now + 1000)
    assert not changed
