"""A map that cannot grow without end."""

from collections import OrderedDict
from typing import TypeVar

__all__ = ["RecentDict"]

K = TypeVar("K")
V = TypeVar("V")


class RecentDict(OrderedDict[K, V]):
    """Keeps the keys that were set most recently, and forgets the others."""

    def __init__(self, limit: int) -> None:
        """Make an empty one that keeps *limit* keys at most."""
        super().__init__()
        self._limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        """Set *key*, which makes it the most recent; the oldest goes if there are too many."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._limit:
            self.popitem(last=False)
