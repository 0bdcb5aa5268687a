"""What is known of components: checks, the monitor that runs them, and what it tells."""

from vitalspan.health._check import FunctionHealthCheck, HealthCheck
from vitalspan.health._events import Event, EventBus, EventType
from vitalspan.health._monitor import HealthMonitor
from vitalspan.health._status import HealthStatus, Probe, Status, StatusChange
from vitalspan.health.checks import (
    AgentSystem,
    AgentSystemHealthCheck,
    DatabaseHealthCheck,
    RuntimeHealthCheck,
    SupervisionTree,
    SupervisionTreeHealthCheck,
)

__all__ = [
    "AgentSystem",
    "AgentSystemHealthCheck",
    "DatabaseHealthCheck",
    "Event",
    "EventBus",
    "EventType",
    "FunctionHealthCheck",
    "HealthCheck",
    "HealthMonitor",
    "HealthStatus",
    "Probe",
    "RuntimeHealthCheck",
    "Status",
    "StatusChange",
    "SupervisionTree",
    "SupervisionTreeHealthCheck",
]
