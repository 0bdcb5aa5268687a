"""What histogram points say about a stretch of time: pure functions, with no clock and no state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from vitalspan.dashboard._arrivals import EPOCH, CallsPoint

__all__ = ["Increment", "add_buckets", "increment", "quantile"]


@dataclass(frozen=True, slots=True)
class Increment:
    """The calls that one series gained in a stretch of time.

    Attributes:
        start: The beginning of the stretch.
        end: Its end.
        bounds: The upper boundaries of all buckets but the last, in seconds.
        counts: The calls in each bucket.
    """

    start: datetime
    end: datetime
    bounds: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return sum(self.counts)

    @property
    def duration(self) -> float:
        """How long the stretch is, in seconds."""
        return (self.end - self.start).total_seconds()


def increment(
    current: CallsPoint, previous: CallsPoint | None, *, watched_since: datetime | None, window: float
) -> Increment | None:
    """Return what *current* adds to what was known, or None if that cannot be told.

    A delta point is its own increment. A cumulative point is compared with the *previous* one of its series;
    if that counts more, or began at another time, the counter was reset and everything in *current* is new.
    With no previous point, everything is new if the sender was already being watched or has only just
    started; otherwise the point holds a past of unknown distribution and only serves the next comparison.

    Args:
        current: The point that arrived.
        previous: The last one of the same series.
        watched_since: The time of an earlier collection of the same sender; None at the first one.
        window: Seconds that count as "only just".
    """
    if previous is not None and not current.is_delta:
        return _difference(current, previous)
    if current.is_delta and current.start > EPOCH:
        start = current.start
    elif watched_since is not None and watched_since < current.time:
        start = max(current.start, watched_since)
    elif current.is_delta:
        start = current.time
    elif (current.time - current.start).total_seconds() <= window:
        start = current.start
    else:
        return None
    return Increment(start, current.time, current.bounds, current.counts)


def _difference(current: CallsPoint, previous: CallsPoint) -> Increment | None:
    if current.time <= previous.time:
        return None
    is_continued = (
        current.start == previous.start
        and current.bounds == previous.bounds
        and all(now >= before for now, before in zip(current.counts, previous.counts, strict=True))
    )
    if not is_continued:
        start = max(current.start, previous.time)
        return Increment(start, current.time, current.bounds, current.counts)
    gained = tuple(now - before for now, before in zip(current.counts, previous.counts, strict=True))
    return Increment(previous.time, current.time, current.bounds, gained)


def add_buckets(increments: Sequence[Increment]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the boundaries and the summed counts of *increments*.

    Counts over other boundaries than those of the last increment cannot be added and are left out.
    """
    if not increments:
        return (), (0,)
    bounds = increments[-1].bounds
    alike = [each.counts for each in increments if each.bounds == bounds]
    return bounds, tuple(map(sum, zip(*alike, strict=True)))


def quantile(fraction: float, bounds: Sequence[float], counts: Sequence[int]) -> float | None:
    """Estimate the value that *fraction* of all values do not exceed, in the unit of *bounds*.

    The values of a bucket are taken as spread evenly between its boundaries, the first bucket beginning at
    zero. Of the last bucket nothing but its lower boundary is known, so that is the answer there; all of
    this as in Prometheus' `histogram_quantile`.

    Args:
        fraction: Between 0 and 1: 0.95 for p95.
        bounds: The upper boundaries of all buckets but the last, ascending.
        counts: The number of values in each bucket: one more than *bounds*.

    Returns:
        The estimate, or None if there are no values or no boundaries.
    """
    total = sum(counts)
    if not total or not bounds:
        return None
    rank = fraction * total
    reached = list(accumulate(counts))
    bucket = next(index for index, sum_so_far in enumerate(reached) if sum_so_far and sum_so_far >= rank)
    if bucket == len(bounds):
        return bounds[-1]
    lower = bounds[bucket - 1] if bucket else min(0.0, bounds[0])
    before = reached[bucket] - counts[bucket]
    return lower + (bounds[bucket] - lower) * (rank - before) / counts[bucket]
