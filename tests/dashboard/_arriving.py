"""What arrives in these tests, and when."""

from datetime import UTC, datetime, timedelta

from tests.fakes import ManualClock
from vitalspan.dashboard import CallsPoint, HealthEvent, Source, StatusPoint

SHOP = Source("shop", "one")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
BOUNDS = (0.1, 0.2, 0.4)


def at(seconds: float) -> datetime:
    """Return the time so many *seconds* after noon."""
    return NOON + timedelta(seconds=seconds)


def move(clock: ManualClock, seconds: float) -> None:
    """Move *clock* to so many *seconds* after the beginning of the test."""
    clock.advance(seconds - (clock.monotonic() - ManualClock().monotonic()))


def status(seconds: float, status: str, *, component: str = "database", source: Source = SHOP) -> StatusPoint:
    return StatusPoint(source, at(seconds), component, status, is_critical=True)


def event(
    seconds: float,
    status: str,
    previous: str = "healthy",
    *,
    component: str = "database",
    message: str = "it broke",
    run: str = "",
    source: Source = SHOP,
) -> HealthEvent:
    return HealthEvent(source, at(seconds), component, status, previous, message, run=run)


def calls(
    seconds: float,
    *counts: int,
    start: float | None = 0.0,
    function: str = "shop.sell",
    outcome: str = "ok",
    series: str = "",
    is_delta: bool = False,
    bounds: tuple[float, ...] = BOUNDS,
    source: Source = SHOP,
) -> CallsPoint:
    """Return a point that ends at *seconds*; a *start* of None is one that the sender left out."""
    beginning = datetime(1970, 1, 1, tzinfo=UTC) if start is None else at(start)
    return CallsPoint(source, at(seconds), beginning, function, outcome, series, is_delta, bounds, counts)
