"""Fixtures for the tests of metrics."""

import logging
from collections.abc import Iterator

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.metrics._losses import Losses
from vitalspan import _guard
from vitalspan.metrics import InMemoryBackend, MetricsCollector


@pytest.fixture(name="losses")
def _losses() -> Losses:
    return Losses()


@pytest.fixture(name="backend")
def _backend() -> InMemoryBackend:
    return InMemoryBackend()


@pytest.fixture(name="collector")
def _collector(backend: InMemoryBackend, telemetry: Telemetry, clock: ManualClock) -> MetricsCollector:
    """A collector whose values reach the SDK and one backend."""
    return MetricsCollector(backend, meter_provider=telemetry.meter_provider, clock=clock)


@pytest.fixture(autouse=True)
def _nothing_said_yet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What was said is remembered for the process: each test starts with nothing, and gives it back."""
    before = set(_guard._said)
    _guard._said.clear()
    caplog.set_level(logging.DEBUG, "vitalspan")
    yield
    _guard._said.clear()
    _guard._said.update(before)
