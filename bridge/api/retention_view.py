"""For how long what was recorded is kept, as the API tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from bridge.api.models import Model, Moment, moment

if TYPE_CHECKING:
    from bridge.retention import Retention
    from bridge.revisions import Revision


class RetentionView(Model):
    """For how many days is kept what; null is for ever. PATCH changes it."""

    seconds_days: int | None
    minutes_days: int | None
    quarters_days: int | None
    """Quarters of an hour."""
    events_days: int | None

    @classmethod
    def of(cls, retention: Retention) -> Self:
        """Return a retention as it is told."""
        return cls(
            seconds_days=retention.seconds_days or None,
            minutes_days=retention.minutes_days or None,
            quarters_days=retention.quarters_days or None,
            events_days=retention.events_days or None,
        )


class RetentionRevision(Model):
    """One change."""

    revision: int
    time: Moment
    by: str
    before: RetentionView
    after: RetentionView

    @classmethod
    def of(cls, revision: Revision[Retention]) -> Self:
        """Return a revision as it is told."""
        return cls(
            revision=revision.number,
            time=moment(revision.time),
            by=revision.by,
            before=RetentionView.of(revision.before),
            after=RetentionView.of(revision.after),
        )
