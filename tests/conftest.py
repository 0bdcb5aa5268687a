"""Fixtures for every test."""

import pytest

from tests.fakes import ManualClock, Telemetry


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="telemetry")
def _telemetry() -> Telemetry:
    return Telemetry()
