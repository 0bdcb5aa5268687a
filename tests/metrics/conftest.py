"""Fixtures for the tests of metrics."""

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.metrics._losses import Losses
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
