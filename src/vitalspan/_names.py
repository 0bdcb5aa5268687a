"""Every name that goes over the wire, with its unit and description, as data.

The names are a contract with dashboards, alert rules and queries: changing one here is a breaking
change. They follow OpenTelemetry's naming rules; attributes that its semantic conventions already
define (`code.*`, `error.type`) are used as they are.
"""

from typing import Final, NamedTuple

__all__ = ["ALL_METRICS", "Named"]

SCOPE_NAME: Final = "vitalspan"
VERSION: Final = "0.1.0"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
"""The semantic conventions that `code.*`, `error.type` and the resource attributes come from."""

SECONDS: Final = "s"


class Named(NamedTuple):
    """One metric as it appears on the wire."""

    name: str
    unit: str
    description: str


# Boundaries in seconds. OpenTelemetry's default boundaries (0, 5, ... 10000) are for milliseconds,
# so nearly every duration in seconds would fall into the first bucket. These are the ones that its
# HTTP conventions recommend (http.server.request.duration), from 5 ms to 10 s, extended downwards
# because a function call or a ping is often faster than a request.
DURATION_BOUNDARIES: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip

# Health
CHECK_STATUS: Final = Named("health.check.status", "", "1 for the status that the component has, 0 for the others")
SYSTEM_STATUS: Final = Named(
    "health.system.status", "", "1 for the status that the probe answers with, 0 for the others"
)
CHECK_DURATION: Final = Named("health.check.duration", SECONDS, "How long a run of the check took")
CHECK_RUNS: Final = Named("health.check.runs", "{run}", "Runs of the check that have finished")
CHECK_TRANSITIONS: Final = Named("health.check.transitions", "{transition}", "Changes of the component's status")
CHECK_STATUS_TIME: Final = Named("health.check.status_time", SECONDS, "Time that the component has spent in the status")
CHECK_AGE: Final = Named("health.check.age", SECONDS, "Time since the last finished run of the check")

COMPONENT: Final = "health.component"
STATUS: Final = "health.status"
PREVIOUS_STATUS: Final = "health.previous_status"
CRITICAL: Final = "health.critical"
PROBE: Final = "health.probe"
MESSAGE: Final = "health.message"
CONSECUTIVE_FAILURES: Final = "health.consecutive_failures"
PREVIOUS_STATUS_TIME: Final = "health.previous_status_time"
METADATA_PREFIX: Final = "health.metadata."
HEALTH_EVENT: Final = "health.event"
STATUS_CHANGED: Final = "health.status_changed"
CHECK_SPAN: Final = "health.check"

# Functions
FUNCTION_DURATION: Final = Named(
    "function.duration", SECONDS, "How long calls of the function took; its count is the calls"
)
FUNCTION_NAME: Final = "code.function.name"
FILE_PATH: Final = "code.file.path"
LINE_NUMBER: Final = "code.line.number"
OUTCOME: Final = "function.outcome"
ERROR_TYPE: Final = "error.type"

# Events
EVENT_PUBLISHED: Final = Named("event.published", "{event}", "Events published on the event bus")
HANDLER_ERRORS: Final = Named("event.handler.errors", "{error}", "Event handlers that raised")
EVENT_TYPE: Final = "event.type"

# What never arrived
EXPORT_FAILURES: Final = Named("vitalspan.export.failures", "{failure}", "Exports that failed")
DROPPED: Final = Named("vitalspan.dropped", "{item}", "What was recorded or registered and will never arrive")
SIGNAL: Final = "signal"
REASON: Final = "reason"

# Resource
DISTRO_NAME: Final = "telemetry.distro.name"
DISTRO_VERSION: Final = "telemetry.distro.version"

ALL_METRICS: Final = (
    CHECK_STATUS, SYSTEM_STATUS, CHECK_DURATION, CHECK_RUNS, CHECK_TRANSITIONS, CHECK_STATUS_TIME, CHECK_AGE,
    FUNCTION_DURATION, EVENT_PUBLISHED, HANDLER_ERRORS, EXPORT_FAILURES, DROPPED,
)  # fmt: skip
