"""Where time comes from."""

import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]


class Clock(Protocol):
    """Gives the two kinds of time that a program needs: when, and how long."""

    def now(self) -> datetime:
        """Return the wall-clock time, timezone-aware, in UTC. It may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some fixed moment. It never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of `time.monotonic`."""
        return time.monotonic()


SYSTEM_CLOCK: Clock = SystemClock()
