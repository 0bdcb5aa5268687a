"""The one place that sets OpenTelemetry's global providers in the process of the tests.

`instrument` records through the global providers, which can be set only once. Every other test that needs them
runs a program of its own.
"""

import pytest
from opentelemetry import metrics, trace

from tests.fakes import Telemetry
from tests.metrics._losses import Losses


@pytest.fixture(scope="session", name="global_telemetry")
def _global_telemetry() -> Telemetry:
    telemetry = Telemetry()
    trace.set_tracer_provider(telemetry.tracer_provider)
    metrics.set_meter_provider(telemetry.meter_provider)
    return telemetry


@pytest.fixture(name="telemetry")
def _telemetry(global_telemetry: Telemetry) -> Telemetry:
    """The global telemetry, without earlier spans. Its metrics add up: each test has functions of its own."""
    global_telemetry.exporter.clear()
    return global_telemetry


@pytest.fixture(name="losses")
def _losses() -> Losses:
    return Losses()
