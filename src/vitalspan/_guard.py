"""The only place that swallows a failure of our own: counted always, loud once, then quiet.

What happens while a program is observed must never be felt by the program. Instead of raising, the
rooms above count what was lost in the ledger, which leaves as `vitalspan.dropped`, and say so once
in the log.
"""

import contextlib
import logging
import threading
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Self

from vitalspan._errors import error_type

__all__ = ["LEDGER", "Guard", "Ledger", "describe", "warn_once"]

_logger = logging.getLogger("vitalspan")

_MOST_COMPLAINTS = 1000
"""How many different complaints are remembered; beyond it everything goes to DEBUG, so memory stays flat."""


class Ledger:
    """Counts what was lost, by signal and reason.

    One for the process, like the log: a loss must be counted wherever it happens, also where nobody
    handed a collector over. Losses are rare, so a lock is cheap enough.
    """

    def __init__(self) -> None:
        """Start with nothing lost."""
        self._lock = threading.Lock()
        self._dropped: dict[tuple[str, str], int] = {}
        self._failures: dict[tuple[str, str], int] = {}

    def drop(self, signal: str, reason: str, items: int = 1) -> None:
        """Count *items* of *signal* that will never arrive, and the *reason*."""
        with self._lock:
            self._dropped[signal, reason] = self._dropped.get((signal, reason), 0) + items

    def fail(self, signal: str, kind: str) -> None:
        """Count one failed export of *signal*; *kind* becomes `error.type`."""
        with self._lock:
            self._failures[signal, kind] = self._failures.get((signal, kind), 0) + 1

    def dropped(self) -> Mapping[tuple[str, str], int]:
        """Return the items lost so far by (signal, reason)."""
        with self._lock:
            return MappingProxyType(dict(self._dropped))

    def failures(self) -> Mapping[tuple[str, str], int]:
        """Return the failed exports so far by (signal, error type)."""
        with self._lock:
            return MappingProxyType(dict(self._failures))


LEDGER = Ledger()

_said: set[str] = set()


def warn_once(key: str, message: str, *arguments: object, error: BaseException | None = None) -> None:
    """Log *message* at WARNING the first time *key* is seen, afterwards at DEBUG. Never raises.

    Args:
        key: What the complaint is about.
        message: A message in the style of `logging`, with its *arguments*.
        error: Its traceback is logged too.
    """
    # Two threads that come at the same moment may both be loud: harmless, and cheaper than a lock.
    is_news = key not in _said and len(_said) < _MOST_COMPLAINTS
    if is_news:
        _said.add(key)
    # The program's own handlers and filters run here, and the `__repr__` of what it gave.
    with contextlib.suppress(Exception):
        _logger.log(logging.WARNING if is_news else logging.DEBUG, message, *arguments, exc_info=error)


def describe(error: BaseException) -> str:
    """Return the class and the text of *error*, whatever its `__str__` does.

    >>> describe(ValueError("no such order"))
    'ValueError: no such order'
    """
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - somebody else's __str__; the class alone still says something
        text = "(its text cannot be had: __str__ raised)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Guard:
    """Runs a block that must not be felt by the program: an `Exception` in it is counted and logged.

    Cancellation, `KeyboardInterrupt` and `SystemExit` pass through: they are not failures.

    ```python
    with Guard("telling a listener of a status change"):
        listener(change)
    ```
    """

    __slots__ = ("_doing", "_signal", "error")

    def __init__(self, doing: str, *, signal: str = "health") -> None:
        """Say what the block is *doing*, for the log, and for which *signal* a failure counts."""
        self._doing = doing
        self._signal = signal
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        """Begin the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Swallow an `Exception`, having counted and logged it."""
        if not isinstance(error, Exception):
            return False
        self.error = error
        name = error_type(error)
        LEDGER.drop(self._signal, name)
        warn_once(f"{self._doing}: {name}", "vitalspan failed at %s; the program goes on", self._doing, error=error)
        return True
