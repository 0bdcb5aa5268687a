"""Vital signs for Python services, native to OpenTelemetry: metrics, traces and health over OTLP."""

from vitalspan import _names
from vitalspan._default import check, configure, default_system, flush, monitoring, shutdown
from vitalspan._errors import (
    ConfigurationError,
    DuplicateCheckError,
    DuplicateInstrumentError,
    MissingExtraError,
    UnknownComponentError,
    VitalspanError,
)
from vitalspan._system import MonitoringSystem, SystemComponents
from vitalspan.health import HealthMonitor, HealthStatus, Status
from vitalspan.metrics import MetricsCollector
from vitalspan.tracing import instrument, measured, traced

__version__ = _names.VERSION

__all__ = [
    "ConfigurationError",
    "DuplicateCheckError",
    "DuplicateInstrumentError",
    "HealthMonitor",
    "HealthStatus",
    "MetricsCollector",
    "MissingExtraError",
    "MonitoringSystem",
    "Status",
    "SystemComponents",
    "UnknownComponentError",
    "VitalspanError",
    "__version__",
    "check",
    "configure",
    "default_system",
    "flush",
    "instrument",
    "measured",
    "monitoring",
    "shutdown",
    "traced",
]
