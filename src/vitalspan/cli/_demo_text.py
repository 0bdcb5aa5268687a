"""How the demo shows things: what a view is, and numbers, names and times as people read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vitalspan.dashboard import ServiceView

__all__ = ["Frame", "View", "age", "duration", "local_time", "printable", "short_name"]

_MINUTE = 60
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Frame:
    """What there is to show at one moment.

    Attributes:
        services: What arrived.
        now: The wall-clock time.
        elapsed: Seconds since the demo began.
        fault: What is broken on purpose; empty when nothing is.
    """

    services: tuple[ServiceView, ...]
    now: datetime
    elapsed: float
    fault: str = ""


class View(Protocol):
    """Shows one frame after the other."""

    def open(self) -> None:
        """Prepare for showing."""
        ...

    def show(self, frame: Frame) -> None:
        """Show *frame*."""
        ...

    def close(self) -> None:
        """Leave the last frame to be read, and everything else as it was."""
        ...


def printable(text: str) -> str:
    """Return *text* with a space for whatever a terminal would obey or not show."""
    return "".join(character if character.isprintable() else " " for character in text)


def short_name(qualified: str) -> str:
    """Return the last two parts of a *qualified* name."""
    return ".".join(qualified.split(".")[-2:])


def duration(seconds: float | None) -> str:
    """Return *seconds* in the unit that suits them; a dash for None."""
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def age(seconds: float) -> str:
    """Return how long ago *seconds* are, to the second."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def local_time(time: datetime) -> str:
    """Return *time* as a clock on the wall here shows it."""
    return time.astimezone().strftime("%H:%M:%S")
