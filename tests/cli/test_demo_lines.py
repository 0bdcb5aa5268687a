"""The lines for people without a terminal."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest

from tests.cli._frames import LOCKED, MENDED, NOON, frame
from vitalspan import HealthStatus, Status
from vitalspan.cli._demo_lines import LocalLines, PlainLines
from vitalspan.cli._demo_text import local_time

START = local_time(NOON)
RECOVERY = local_time(NOON + timedelta(seconds=8))
NOW = local_time(NOON + timedelta(seconds=10))
FUNCTIONS = [
    f"{NOW}  shop.buy: 0.0 calls/s, p50 -, p95 -, 0 of 0 failed",
    f"{NOW}  Shop.sell: 12.3 calls/s, p50 1.23 ms, p95 250 ms, 3 of 123 failed",
]


@pytest.fixture
def out() -> StringIO:
    return StringIO()


def _lines(out: StringIO) -> list[str]:
    lines = out.getvalue().splitlines()
    out.seek(0)
    out.truncate()
    return lines


def test_changes_are_told_as_they_arrive_and_functions_now_and_then(out: StringIO) -> None:
    view = PlainLines(out, "what arrived")
    view.open()
    assert _lines(out) == ["what arrived"]
    view.show(frame(0.0))
    assert _lines(out) == [f"{START}  database: healthy -> unhealthy  database is locked"]
    view.show(frame(9.9, LOCKED, MENDED))
    assert _lines(out) == [f"{RECOVERY}  database: unhealthy -> healthy"]
    view.show(frame(10.1, LOCKED, MENDED))
    assert _lines(out) == FUNCTIONS
    view.show(frame(11.0, LOCKED, MENDED))
    assert _lines(out) == []
    view.close()
    assert _lines(out) == [f"{NOW}  database: unhealthy since {START}  database is locked", *FUNCTIONS]


def test_without_a_frame_there_is_no_end_to_tell(out: StringIO) -> None:
    PlainLines(out, "what arrived").close()
    assert _lines(out) == []


def test_a_message_cannot_draw_on_the_terminal(out: StringIO) -> None:
    view = PlainLines(out, "what arrived")
    view.show(frame(0.0, replace(LOCKED, message="\x1b[2J\n\nall is well")))
    (line,) = _lines(out)
    assert "\x1b" not in line


def test_local_health_is_told_when_it_changes_and_now_and_then(out: StringIO) -> None:
    statuses = {"database": HealthStatus("database", Status.HEALTHY), "agents": HealthStatus("agents", Status.UNKNOWN)}
    view = LocalLines(out, "sending elsewhere", lambda: statuses)
    view.open()
    view.show(frame(0.0))
    assert _lines(out) == ["sending elsewhere", f"{NOW}  agents unknown, database healthy"]
    view.show(frame(4.9))
    assert _lines(out) == []
    view.show(frame(5.0))
    assert _lines(out) == [f"{NOW}  agents unknown, database healthy"]
    statuses["database"] = HealthStatus("database", Status.UNHEALTHY)
    view.show(frame(5.25, fault="it is locked"))
    assert _lines(out) == [f"{NOW}  agents unknown, database unhealthy  (broken on purpose: it is locked)"]
    view.close()
    assert _lines(out) == []
