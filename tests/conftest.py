"""Fixtures for every test."""

from collections.abc import Iterator

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.programs import Sink


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(name="telemetry")
def _telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture(name="sink")
def _sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink
