"""Fixtures for every test."""

import logging
from collections.abc import Iterator

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.programs import Sink
from vitalspan import _guard


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


@pytest.fixture(autouse=True)
def _nothing_said_yet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What was said is remembered for the process: each test starts with nothing, and gives it back."""
    before = set(_guard._said)
    _guard._said.clear()
    caplog.set_level(logging.DEBUG, "vitalspan")
    yield
    _guard._said.clear()
    _guard._said.update(before)
