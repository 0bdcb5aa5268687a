"""How several statuses become one."""

import dataclasses
from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalspan.health import HealthStatus, Status
from vitalspan.health._status import aggregate, is_ready, worst

_STATUSES = st.sampled_from(Status)
_COMPONENTS = st.lists(st.tuples(_STATUSES, st.booleans()))


def test_the_order_is_healthy_degraded_unknown_unhealthy() -> None:
    order = [Status.HEALTHY, Status.DEGRADED, Status.UNKNOWN, Status.UNHEALTHY]
    assert sorted(Status, key=lambda status: status.severity) == order


def test_the_worst_of_nothing_is_unknown() -> None:
    assert worst([]) is Status.UNKNOWN


@given(st.lists(_STATUSES).flatmap(lambda statuses: st.tuples(st.just(statuses), st.permutations(statuses))))
def test_the_worst_ignores_order(both: tuple[list[Status], list[Status]]) -> None:
    statuses, shuffled = both
    assert worst(statuses) is worst(shuffled)


@given(st.lists(_STATUSES, min_size=1), _STATUSES)
def test_the_worst_never_improves_when_a_status_is_added(statuses: list[Status], added: Status) -> None:
    assert worst([*statuses, added]).severity >= worst(statuses).severity
    assert worst([*statuses, added]).severity >= added.severity


@given(st.lists(_STATUSES, min_size=1))
def test_the_worst_is_one_of_those_given(statuses: list[Status]) -> None:
    assert worst(statuses) in statuses


def test_a_system_of_nothing_is_unknown() -> None:
    assert aggregate([]) is Status.UNKNOWN


@given(st.lists(_STATUSES))
def test_a_system_of_critical_components_is_as_its_worst(statuses: list[Status]) -> None:
    assert aggregate((status, True) for status in statuses) is worst(statuses)


@given(_COMPONENTS, _STATUSES)
def test_a_component_that_is_not_critical_pulls_a_system_down_to_degraded_at_most(
    components: list[tuple[Status, bool]], added: Status
) -> None:
    before = aggregate(components) if components else Status.HEALTHY
    after = aggregate([*components, (added, False)])
    assert before.severity <= after.severity <= max(before.severity, Status.DEGRADED.severity)


@pytest.mark.parametrize(
    ("status", "is_it"),
    [(Status.HEALTHY, True), (Status.DEGRADED, True), (Status.UNKNOWN, False), (Status.UNHEALTHY, False)],
)
def test_healthy_and_degraded_are_ready(status: Status, is_it: bool) -> None:  # noqa: FBT001 - a table
    assert is_ready(status) is is_it


def test_a_finding_cannot_be_changed() -> None:
    """Findings are read by every thread without a lock."""
    finding = HealthStatus("database", Status.HEALTHY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.status = Status.UNHEALTHY  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        cast("dict[str, object]", finding.metadata)["latency"] = 1
    assert isinstance(finding.metadata, Mapping)
