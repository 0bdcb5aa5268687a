"""The calls of one function over a sliding window."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from vitalspan.dashboard._estimate import Increment, add_buckets, quantile

__all__ = ["Calls", "FunctionView", "Gain", "seconds_covered"]

_ERROR = "error"
_LONGEST_KEPT = 300.0
_MOST_GAINS = 1000


@dataclass(frozen=True, slots=True)
class FunctionView:
    """The calls of one function over the sliding window, as they can be shown.

    Attributes:
        function: Its qualified name.
        rate: Calls per second.
        calls: Calls in the window.
        outcomes: How many of them ended in which way, sorted by outcome.
        p50: The duration that half of them did not exceed, in seconds; None if there were none.
        p95: The duration that 95 % of them did not exceed, in seconds; None if there were none.
        total_calls: All calls that were seen to arrive.
        total_errors: All calls with the outcome `error` that were seen to arrive.
    """

    function: str
    rate: float
    calls: int
    outcomes: tuple[tuple[str, int], ...]
    p50: float | None
    p95: float | None
    total_calls: int
    total_errors: int

    @property
    def errors(self) -> int:
        """Calls in the window that ended in an error."""
        return dict(self.outcomes).get(_ERROR, 0)


@dataclass(frozen=True, slots=True)
class Gain:
    """An increment, with what the window needs to know of it.

    Attributes:
        received: When it arrived, on the monotonic clock.
        outcome: How its calls ended.
        increment: The calls.
    """

    received: float
    outcome: str
    increment: Increment

    def is_kept(self, now: float, window: float) -> bool:
        """Whether a *window* that ends *now* still shows it.

        A sender that exports once a minute must not read as idle for the rest of that minute, so what covers
        more time than the window is kept for as long as it covers.
        """
        return now - self.received < max(window, min(self.increment.duration, _LONGEST_KEPT))


class Calls:
    """The calls of one function: those in the window one by one, all of them as totals."""

    def __init__(self) -> None:
        """Start with no calls."""
        self._gains: deque[Gain] = deque(maxlen=_MOST_GAINS)
        self._totals: Counter[str] = Counter()

    def add(self, gain: Gain) -> None:
        """Take in *gain*."""
        self._gains.append(gain)
        self._totals[gain.outcome] += gain.increment.calls

    def forget(self, now: float, window: float) -> None:
        """Let go of what a *window* that ends *now* no longer shows."""
        kept = [gain for gain in self._gains if gain.is_kept(now, window)]
        self._gains.clear()
        self._gains.extend(kept)

    def increments(self) -> list[Increment]:
        """Return what is in the window, in order of arrival."""
        return [gain.increment for gain in self._gains]

    def view(self, function: str, seconds: float) -> FunctionView:
        """Return what can be shown of *function*, whose calls are spread over so many *seconds*."""
        bounds, counts = add_buckets(self.increments())
        outcomes: Counter[str] = Counter()
        for gain in self._gains:
            outcomes[gain.outcome] += gain.increment.calls
        calls = outcomes.total()
        return FunctionView(
            function=function,
            rate=calls / seconds if seconds > 0 else 0.0,
            calls=calls,
            outcomes=tuple(sorted((outcome, count) for outcome, count in outcomes.items() if count)),
            p50=quantile(0.50, bounds, counts),
            p95=quantile(0.95, bounds, counts),
            total_calls=self._totals.total(),
            total_errors=self._totals[_ERROR],
        )


def seconds_covered(increments: Iterable[Increment], at_least: float) -> float:
    """Return the seconds from the first start to the last end of *increments*, but *at_least* so many."""
    stretches = [(each.start, each.end) for each in increments]
    if not stretches:
        return at_least
    first = min(start for start, _ in stretches)
    last = max(end for _, end in stretches)
    return max(at_least, (last - first).total_seconds())
