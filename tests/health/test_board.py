"""The latest findings."""

from typing import cast

import pytest

from tests.fakes import ManualClock
from tests.health._parts import status_of
from vitalspan import DuplicateCheckError, UnknownComponentError
from vitalspan.health import HealthStatus, Probe, Status
from vitalspan.health._board import Board
from vitalspan.health._record import Record, new_record

_finding = status_of("database")


def _record(clock: ManualClock, component_id: str = "database") -> Record:
    return new_record(
        component_id,
        now=clock.monotonic(),
        since=clock.now(),
        ttl=10,
        is_critical=True,
        probes=frozenset({Probe.READINESS}),
    )


@pytest.fixture(name="board")
def _board(clock: ManualClock) -> Board:
    board = Board(clock)
    board.add(_record(clock))
    return board


def test_a_component_is_on_the_board_once(board: Board, clock: ManualClock) -> None:
    with pytest.raises(DuplicateCheckError, match="'database' is already registered") as raised:
        board.add(_record(clock))
    assert raised.value.component_id == "database"


@pytest.mark.parametrize("ask", [Board.status, Board.record, Board.remove])
def test_what_is_not_on_the_board_is_named_with_what_is(board: Board, ask: object) -> None:
    with pytest.raises(UnknownComponentError, match="'cache'; registered are: 'database'") as raised:
        ask(board, "cache")  # type: ignore[operator]  # one of three methods
    assert (raised.value.component_id, raised.value.known) == ("cache", ("database",))


def test_a_removed_component_stays_removed_when_its_run_ends(board: Board) -> None:
    board.remove("database")
    assert board.settle(_finding(Status.HEALTHY), failed=False) is None
    board.mark_trace("database", "abc")
    assert not board.statuses()


def test_times_in_status_go_on_where_a_component_is_added_again(board: Board, clock: ManualClock) -> None:
    """They are a counter: it never goes back, and the time between is nobody's."""
    board.settle(_finding(Status.HEALTHY), failed=False)
    clock.advance(3)
    board.remove("database")
    clock.advance(100)
    board.add(_record(clock))
    clock.advance(2)
    ((_, _, spent, _),) = board.readings()
    assert (spent[Status.HEALTHY], spent[Status.UNKNOWN]) == (3, 2)


def test_of_the_components_that_are_gone_the_last_thousand_are_remembered(board: Board, clock: ManualClock) -> None:
    clock.advance(3)
    board.remove("database")
    for number in range(1000):
        board.add(_record(clock, f"c{number}"))
        board.remove(f"c{number}")
    assert len(board._spent) == 1000
    board.add(_record(clock))
    ((_, _, spent, _),) = board.readings()
    assert spent[Status.UNKNOWN] == 0


def test_a_trace_is_added_to_the_finding_that_it_led_to(board: Board) -> None:
    board.settle(_finding(Status.HEALTHY), failed=False)
    board.mark_trace("database", "abc")
    assert (board.status("database").status, board.status("database").trace_id) == (Status.HEALTHY, "abc")


def test_findings_that_were_read_do_not_change_and_cannot_be_changed(board: Board) -> None:
    """Readers need no lock."""
    before = board.statuses()
    board.settle(_finding(Status.HEALTHY), failed=False)
    assert before["database"].status is Status.UNKNOWN
    with pytest.raises(TypeError):
        cast("dict[str, HealthStatus]", before)["database"] = _finding(Status.HEALTHY)


def test_a_reading_tells_status_times_and_age(board: Board, clock: ManualClock) -> None:
    clock.advance(2)
    board.settle(_finding(Status.HEALTHY), failed=False)
    clock.advance(3)
    ((record, status, spent, age),) = board.readings()
    assert (record.finding.status, status, age) == (Status.HEALTHY, Status.HEALTHY, 3)
    assert (spent[Status.UNKNOWN], spent[Status.HEALTHY]) == (2, 3)


def test_the_system_is_read_at_the_time_of_asking(board: Board, clock: ManualClock) -> None:
    board.settle(_finding(Status.HEALTHY), failed=False)
    assert board.system_status(Probe.READINESS) is Status.HEALTHY
    clock.advance(10.5)
    assert board.system_status(Probe.READINESS) is Status.UNKNOWN
