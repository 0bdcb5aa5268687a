"""The latest findings: written by the monitor, read by everybody who asks."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from vitalspan._clock import Clock
from vitalspan._errors import DuplicateCheckError, UnknownComponentError
from vitalspan.health._record import Record, advance, read, status_at, system_status, time_in_status
from vitalspan.health._status import HealthStatus, Probe, Status, StatusChange

__all__ = ["Board"]

_MOST_REMOVED = 1000
"""How many removed components are remembered; beyond it the oldest are forgotten, so memory stays flat."""


class Board:
    """Keeps the record of every component.

    A record is frozen, and replaced by the next one. The map of cells is written under a lock, and read by
    getting one cell or a copy, each a single step of the interpreter. So whoever reads, on whatever thread,
    needs no lock and delays nobody; and ten thousand components are registered without ten thousand copies.
    """

    def __init__(self, clock: Clock) -> None:
        """Start with no component; staleness and times in status are worked out with *clock*."""
        self._clock = clock
        self._lock = threading.Lock()
        self._cells: dict[str, _Cell] = {}
        # The times in status of removed components: a counter that begins anew would count them twice, or go back.
        self._spent: OrderedDict[str, Mapping[Status, float]] = OrderedDict()

    def add(self, record: Record) -> None:
        """Put a component on the board; one that was there before goes on with its times in status.

        Raises:
            DuplicateCheckError: It is there already.
        """
        component_id = record.finding.component_id
        with self._lock:
            if component_id in self._cells:
                raise DuplicateCheckError(component_id)
            spent = self._spent.pop(component_id, record.spent)
            self._cells[component_id] = _Cell(replace(record, spent=spent))

    def remove(self, component_id: str) -> None:
        """Take a component off the board.

        Raises:
            UnknownComponentError: It is not there.
        """
        with self._lock:
            record = self.record(component_id)
            del self._cells[component_id]
            self._spent[component_id] = time_in_status(record, self._clock.monotonic())
            if len(self._spent) > _MOST_REMOVED:
                self._spent.popitem(last=False)

    def settle(self, finding: HealthStatus, *, failed: bool) -> StatusChange | None:
        """Put *finding* in the place of the last one; return the change of status if it is one.

        A component that was removed while its check ran stays removed.
        """
        with self._lock:
            cell = self._cells.get(finding.component_id)
            if cell is None:
                return None
            cell.record, change = advance(cell.record, finding, now=self._clock.monotonic(), failed=failed)
        return change

    def mark_trace(self, component_id: str, trace_id: str) -> None:
        """Add the trace of the run to the finding that it led to."""
        with self._lock:
            cell = self._cells.get(component_id)
            if cell is not None:
                cell.record = replace(cell.record, finding=replace(cell.record.finding, trace_id=trace_id))

    def record(self, component_id: str) -> Record:
        """Return what is known of one component.

        Raises:
            UnknownComponentError: It is not on the board.
        """
        cell = self._cells.get(component_id)
        if cell is None:
            raise UnknownComponentError(component_id, tuple(self._cells.copy()))
        return cell.record

    def records(self) -> list[Record]:
        """Return what is known of every component."""
        return [cell.record for cell in self._cells.copy().values()]

    def statuses(self) -> Mapping[str, HealthStatus]:
        """Return the finding to report now of every component."""
        now = self._clock.monotonic()
        return MappingProxyType({record.finding.component_id: read(record, now) for record in self.records()})

    def status(self, component_id: str) -> HealthStatus:
        """Return the finding to report now of one component.

        Raises:
            UnknownComponentError: It is not on the board.
        """
        return read(self.record(component_id), self._clock.monotonic())

    def system_status(self, probe: Probe) -> Status:
        """Return how the system answers *probe* now."""
        return system_status(self.components(), probe)

    def components(self) -> list[tuple[Record, Status]]:
        """Return each record with the status that it reads now."""
        now = self._clock.monotonic()
        return [(record, status_at(record, now)) for record in self.records()]

    def readings(self) -> Iterator[tuple[Record, Status, Mapping[Status, float], float]]:
        """Yield each record with its status, its times in status, and the seconds since its last run."""
        now = self._clock.monotonic()
        for record in self.records():
            yield record, status_at(record, now), time_in_status(record, now), max(0.0, now - record.finished)


class _Cell:
    """Where the current record of one component stands."""

    __slots__ = ("record",)

    def __init__(self, record: Record) -> None:
        self.record = record
