"""Fixtures for the tests of health."""

import threading
from collections.abc import Iterator

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import new_monitor
from vitalspan.health import HealthMonitor


@pytest.fixture(name="monitor")
def _monitor(telemetry: Telemetry, clock: ManualClock) -> Iterator[HealthMonitor]:
    monitor = new_monitor(telemetry, clock)
    yield monitor
    assert monitor.stop(5), "a test left the monitor running"


@pytest.fixture(name="release")
def _release() -> Iterator[threading.Event]:
    """What a check that hangs waits for; set when the test is over, so that no thread outlives it."""
    release = threading.Event()
    yield release
    release.set()
