"""What registering a check makes of it: everything is looked at once, so that nothing surprises while it runs."""

from collections.abc import Iterable

from vitalspan._clock import Clock
from vitalspan._errors import ConfigurationError
from vitalspan.health._check import (
    DEFAULT_TIMEOUT,
    HealthCheck,
    require_bool,
    require_check,
    require_component_id,
    require_seconds,
    require_status,
)
from vitalspan.health._record import Record, new_record
from vitalspan.health._runs import Runner
from vitalspan.health._status import Probe, Status

__all__ = ["new_registration"]

_DEFAULT_PROBES = frozenset({Probe.READINESS, Probe.STARTUP})
_STALE_INTERVALS = 3
"""A finding is stale after this many intervals and one timeout: two runs may be late before it is."""


def new_registration(
    check: HealthCheck, *, timeout: float | None, critical: bool | None, ttl: float | None, clock: Clock
) -> tuple[Record, Runner]:
    """Return the first record of the component of *check*, and what runs it.

    The arguments are those of `HealthMonitor.register_check`; what is None, *check* may say about itself.

    Raises:
        ConfigurationError: It is not a check, or something about it cannot be used.
    """
    check = require_check(check)
    component_id = require_component_id(check.component_id)
    interval = require_seconds("check_interval", check.check_interval)
    seconds = require_seconds("timeout", timeout if timeout is not None else getattr(check, "timeout", DEFAULT_TIMEOUT))
    record = new_record(
        component_id,
        now=clock.monotonic(),
        since=clock.now(),
        ttl=_STALE_INTERVALS * interval + seconds if ttl is None else require_seconds("ttl", ttl),
        is_critical=require_bool("critical", getattr(check, "critical", True) if critical is None else critical),
        probes=_probes_of(check),
    )
    runner = Runner(
        check,
        component_id=component_id,
        interval=interval,
        timeout=seconds,
        on_error=require_status("on_error", getattr(check, "on_error", Status.UNKNOWN)),
        clock=clock,
    )
    return record, runner


def _probes_of(check: HealthCheck) -> frozenset[Probe]:
    probes: Iterable[Probe] = getattr(check, "probes", _DEFAULT_PROBES)
    try:
        return frozenset(Probe(probe) for probe in probes)
    except (TypeError, ValueError):
        raise ConfigurationError("probes of the check", probes, "give Probe values, such as Probe.READINESS") from None
