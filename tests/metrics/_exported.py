"""Reads what the SDK would export."""

from typing import Any

from opentelemetry.sdk.metrics.export import Metric

from tests.fakes import Telemetry
from vitalspan import _names


def exported(telemetry: Telemetry, name: str) -> Metric:
    """Return the one metric called *name*, which must come from our instrumentation scope."""
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    (metric,) = (
        metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name and scope.scope.name == _names.SCOPE_NAME
    )
    return metric


def point(telemetry: Telemetry, name: str, **tags: object) -> Any:
    """Return the point of *name* with exactly these *tags*."""
    return telemetry.points(name)[frozenset(tags.items())]
