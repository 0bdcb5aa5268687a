"""Are the children of a supervision tree alive, and do they stay so?"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes import ManualClock
from vitalspan import ConfigurationError
from vitalspan.health import HealthStatus, Status, SupervisionTreeHealthCheck


@dataclass
class _Child:
    name: str
    is_alive: bool = True
    restarts: int = 0


@dataclass
class _Tree:
    kept: list[_Child] = field(default_factory=lambda: [_Child("reader"), _Child("writer")])

    def children(self) -> list[_Child]:
        return self.kept


class _Watched:
    """A tree, and what its check finds after so many more restarts so much later."""

    def __init__(self, clock: ManualClock, **options: Any) -> None:
        self.tree = _Tree()
        self.clock = clock
        self.check = SupervisionTreeHealthCheck(self.tree, clock=clock.monotonic, **options)

    def find(self, *, after: float = 0, restarts: int = 0) -> HealthStatus:
        self.clock.advance(after)
        self.tree.kept[0].restarts += restarts
        return asyncio.run(self.check.check())


def test_children_that_are_alive_are_healthy(clock: ManualClock) -> None:
    finding = _Watched(clock).find()
    assert (finding.component_id, finding.status, finding.message) == ("supervision_tree", Status.HEALTHY, "")
    assert finding.metadata == {"children": 2, "restarts": 0, "recent_restarts": 0}


def test_a_child_that_is_down_is_unhealthy_and_named(clock: ManualClock) -> None:
    watched = _Watched(clock)
    for child in watched.tree.kept:
        child.is_alive = False
    finding = watched.find(restarts=100)
    assert (finding.status, finding.message) == (Status.UNHEALTHY, "down: reader, writer")


def test_a_tree_without_children_is_healthy(clock: ManualClock) -> None:
    watched = _Watched(clock)
    watched.tree.kept.clear()
    assert asyncio.run(watched.check.check()).metadata == {"children": 0, "restarts": 0, "recent_restarts": 0}


def test_restarts_before_the_first_look_are_not_recent(clock: ManualClock) -> None:
    finding = _Watched(clock).find(restarts=100)
    assert finding.status is Status.HEALTHY
    assert finding.metadata == {"children": 2, "restarts": 100, "recent_restarts": 0}


@pytest.mark.parametrize(("restarts", "status"), [(3, Status.HEALTHY), (4, Status.DEGRADED)])
def test_more_restarts_within_the_window_than_allowed_are_degraded(
    clock: ManualClock, restarts: int, status: Status
) -> None:
    watched = _Watched(clock)
    watched.find()
    finding = watched.find(after=30, restarts=restarts)
    assert (finding.status, finding.metadata["recent_restarts"]) == (status, restarts)
    assert finding.message == ("" if status is Status.HEALTHY else "4 restarts within 60 s, more than 3")


def test_restarts_are_forgotten_when_the_window_has_passed(clock: ManualClock) -> None:
    watched = _Watched(clock)
    watched.find()
    recent = [watched.find(after=30, restarts=restarts).metadata["recent_restarts"] for restarts in (4, 0, 0, 0)]
    assert recent == [4, 4, 0, 0]


def test_looks_that_come_a_little_late_lose_no_restarts(clock: ManualClock) -> None:
    """A timer is never early: two intervals of 30 s are a little more than the window."""
    watched = _Watched(clock)
    watched.find()
    recent = [watched.find(after=30.01, restarts=2).metadata["recent_restarts"] for _ in range(3)]
    assert recent == [2, 4, 4]


def test_a_window_shorter_than_the_interval_still_counts(clock: ManualClock) -> None:
    watched = _Watched(clock, window=5, check_interval=30)
    watched.find()
    assert watched.find(after=30, restarts=4).status is Status.DEGRADED
    assert watched.find(after=30).status is Status.HEALTHY


def test_a_child_that_was_taken_away_takes_its_restarts_with_it(clock: ManualClock) -> None:
    watched = _Watched(clock)
    watched.tree.kept[1].restarts = 50
    watched.find()
    del watched.tree.kept[1]
    assert watched.find(after=1, restarts=1).metadata == {"children": 1, "restarts": 1, "recent_restarts": 0}
    assert watched.find(after=1, restarts=2).metadata["recent_restarts"] == 2


def test_no_restart_at_all_may_be_allowed(clock: ManualClock) -> None:
    watched = _Watched(clock, max_restarts=0)
    assert watched.find().status is Status.HEALTHY
    assert watched.find(after=1, restarts=1).status is Status.DEGRADED


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"tree": None}, "tree"),
        ({"tree": object()}, "tree"),
        ({"tree": _Tree}, "tree"),
        ({"max_restarts": -1}, "max_restarts"),
        ({"max_restarts": True}, "max_restarts"),
        ({"max_restarts": 1.5}, "max_restarts"),
        ({"component_id": ""}, "component_id"),
        ({"check_interval": 0}, "check_interval"),
        ({"timeout": 0}, "timeout"),
        ({"window": 0}, "window"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], what: str) -> None:
    given: dict[str, Any] = {"tree": _Tree(), **arguments}
    with pytest.raises(ConfigurationError) as raised:
        SupervisionTreeHealthCheck(given.pop("tree"), **given)
    assert (raised.value.what, raised.value.value) == (what, arguments[what])
