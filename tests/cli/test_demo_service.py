"""The service of the demo as a whole, with faults that come quickly."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vitalspan import Status
from vitalspan.cli._demo_faults import FaultPlan
from vitalspan.cli._demo_service import DemoService


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _status(service: DemoService, component: str) -> Status | None:
    found = service.statuses().get(component)
    return found.status if found else None


def test_the_checks_find_each_fault_and_each_recovery(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with DemoService(tmp_path, FaultPlan(first=1.5, every=4.0, lasts=2.0)) as service:
        for component in ("database", "agent_system", "runtime"):
            _wait(lambda component=component: _status(service, component) is Status.HEALTHY)  # type: ignore[misc]
        assert service.fault == ""
        for component, fault in (("database", "locked"), ("agent_system", "hangs")):
            _wait(lambda component=component: _status(service, component) is Status.UNHEALTHY)  # type: ignore[misc]
            assert fault in service.fault
            _wait(lambda component=component: _status(service, component) is Status.HEALTHY)  # type: ignore[misc]
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("demo-")]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("lasts", [30.0])
def test_it_closes_in_the_middle_of_a_fault(tmp_path: Path, lasts: float) -> None:
    with DemoService(tmp_path, FaultPlan(first=0.1, every=60.0, lasts=lasts)) as service:
        _wait(lambda: bool(service.fault))
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
