"""The lines for scripts, which must not change without notice."""

import json
from io import StringIO

import pytest

from tests.cli._frames import LOCKED, MENDED, frame
from vitalspan.cli._demo_json import JSON_HELP, JsonLines
from vitalspan.cli._demo_text import Frame

HEAD: dict[str, object] = {"time": "2030-01-01T12:00:10+00:00", "service": "shop", "instance": "one"}
CHANGE = {
    "type": "health_change",
    "time": "2030-01-01T12:00:00+00:00",
    "service": "shop",
    "instance": "one",
    "component": "database",
    "previous_status": "healthy",
    "status": "unhealthy",
    "message": "database is locked",
}
COMPONENT: dict[str, object] = HEAD | {
    "type": "component",
    "component": "database",
    "status": "unhealthy",
    "since": "2030-01-01T12:00:00+00:00",
    "critical": True,
    "message": "database is locked",
}
IDLE: dict[str, object] = HEAD | {
    "type": "function",
    "function": "shop.buy",
    "window": 10.0,
    "rate": 0.0,
    "calls": 0,
    "errors": 0,
    "outcomes": {},
    "p50": None,
    "p95": None,
    "total_calls": 5,
    "total_errors": 0,
}
SELL: dict[str, object] = HEAD | {
    "type": "function",
    "function": "shop.web.Shop.sell",
    "window": 10.0,
    "rate": 12.345,
    "calls": 123,
    "errors": 3,
    "outcomes": {"error": 3, "ok": 120},
    "p50": 0.00123,
    "p95": 0.25,
    "total_calls": 1000,
    "total_errors": 7,
}


@pytest.fixture
def out() -> StringIO:
    return StringIO()


@pytest.fixture
def view(out: StringIO) -> JsonLines:
    view = JsonLines(out, 10.0)
    view.open()
    return view


def _lines(out: StringIO) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    out.seek(0)
    out.truncate()
    return lines


def test_a_frame_is_a_line_for_each_change_component_and_function(view: JsonLines, out: StringIO) -> None:
    view.show(frame(0.0))
    assert _lines(out) == [CHANGE, COMPONENT, IDLE, SELL]


def test_changes_are_told_once_and_at_once_and_the_rest_every_second(view: JsonLines, out: StringIO) -> None:
    view.show(frame(0.0))
    _lines(out)
    view.show(frame(0.25))
    assert _lines(out) == []
    view.show(frame(0.5, LOCKED, MENDED))
    assert [(line["type"], line["status"]) for line in _lines(out)] == [("health_change", "healthy")]
    view.show(frame(1.0, LOCKED, MENDED))
    assert [line["type"] for line in _lines(out)] == ["component", "function", "function"]
    view.close()
    assert _lines(out) == []


def test_while_nothing_has_arrived_nothing_is_told(view: JsonLines, out: StringIO) -> None:
    view.show(Frame((), frame(0).now, 0.0))
    assert _lines(out) == []


def test_the_help_tells_every_type_and_key() -> None:
    for line in (CHANGE, COMPONENT, SELL):
        assert f'type "{line["type"]}"' in JSON_HELP
        for key in line:
            assert key in JSON_HELP
