"""Checks that are ready to use, one file for each thing that is checked."""

from vitalspan.health.checks._agents import AgentSystem, AgentSystemHealthCheck
from vitalspan.health.checks._database import DatabaseHealthCheck
from vitalspan.health.checks._runtime import RuntimeHealthCheck
from vitalspan.health.checks._supervision import SupervisionTree, SupervisionTreeHealthCheck

__all__ = [
    "AgentSystem",
    "AgentSystemHealthCheck",
    "DatabaseHealthCheck",
    "RuntimeHealthCheck",
    "SupervisionTree",
    "SupervisionTreeHealthCheck",
]
