"""Reads what was counted as lost since a moment."""

from collections import Counter

from vitalspan._guard import LEDGER


class Losses:
    """What the ledger has counted since this was made: it is one for the process, so tests compare."""

    def __init__(self) -> None:
        self._before = Counter(LEDGER.dropped())

    def of(self, signal: str) -> dict[str, int]:
        """Return the new losses of *signal*, by reason."""
        new = Counter(LEDGER.dropped()) - self._before
        return {reason: count for (lost, reason), count in new.items() if lost == signal}
