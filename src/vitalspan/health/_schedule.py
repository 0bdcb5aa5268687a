"""When each check is due: one heap. It knows no check and no clock."""

import heapq
import itertools

__all__ = ["Schedule"]


class Schedule:
    """Keeps components in the order in which they are due.

    >>> schedule = Schedule()
    >>> schedule.add("database", 3.0)
    >>> schedule.add("cache", 1.0)
    >>> schedule.take_due(2.0)
    ['cache']
    >>> schedule.next_due()
    3.0
    """

    def __init__(self) -> None:
        """Start with nothing due."""
        self._heap: list[tuple[float, int, str]] = []
        # What is in the heap for a component counts only while its number stands here, so that
        # adding it again does not run it twice.
        self._current: dict[str, int] = {}
        self._numbers = itertools.count()

    def add(self, component_id: str, due: float) -> None:
        """Make *component_id* due at *due* (monotonic seconds), instead of when it was due before."""
        number = next(self._numbers)
        self._current[component_id] = number
        heapq.heappush(self._heap, (due, number, component_id))

    def take_due(self, now: float) -> list[str]:
        """Remove and return what is due at *now*, the longest overdue first."""
        due: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            _, number, component_id = heapq.heappop(self._heap)
            if self._current.get(component_id) == number:
                del self._current[component_id]
                due.append(component_id)
        return due

    def next_due(self) -> float | None:
        """Return when the next component is due, or None where there is none."""
        while self._heap and self._current.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
