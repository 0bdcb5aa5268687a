"""One run of one check: its deadline, and what it means when it does not go well."""

import asyncio
import contextlib
import contextvars
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from opentelemetry.context import Context, attach, set_value

from vitalspan._clock import Clock
from vitalspan._errors import error_type
from vitalspan._guard import describe
from vitalspan._redact import redacted
from vitalspan._text import sendable
from vitalspan._threads import StillRunningError
from vitalspan.health._callbacks import is_interrupt
from vitalspan.health._check import HealthCheck
from vitalspan.health._status import HealthStatus, Status

__all__ = ["CheckRun", "Runner"]

_LONGEST_MESSAGE = 1000
"""Characters of a message that are kept: enough for a person, too little to hurt a batch."""

_NO_METADATA: Mapping[str, object] = MappingProxyType({})

_OTHER_LOOP = ("different loop", "different event loop")
_OTHER_LOOP_ADVICE = (
    "the check runs on the event loop of the monitor's own thread, but its client belongs to the program's: "
    "run the monitor there, with `async with vitalspan.monitoring():` around the program"
)


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A run that has ended, or was given up.

    Attributes:
        finding: What it found.
        started: When it began, in UTC.
        duration: How long it took, in seconds.
        failed: Whether the finding is unhealthy or the check could not be done.
        error: What the check raised.
    """

    finding: HealthStatus
    started: datetime
    duration: float
    failed: bool
    error: BaseException | None = None


class Runner:
    """Runs one check, never twice at a time, and always comes back in time with a finding."""

    def __init__(
        self,
        check: HealthCheck,
        *,
        component_id: str,
        interval: float,
        timeout: float,
        on_error: Status,
        clock: Clock,
    ) -> None:
        """Run *check* for at most *timeout* seconds; when it raises, its component reads *on_error*.

        The *component_id* and the *interval* in seconds are kept here, so that one that changes later
        surprises nobody.
        """
        self.check = check
        self.component_id = component_id
        self.interval = interval
        self.timeout = timeout
        self._on_error = on_error
        self._clock = clock
        self._hung: asyncio.Task[HealthStatus | BaseException] | None = None

    async def run(self) -> CheckRun:
        """Run the check once.

        It runs outside of any trace and with the instrumentation of clients suppressed: what it does
        is not the program's own work and must not show in its telemetry.
        """
        started, begin = self._clock.now(), self._clock.monotonic()
        finding, error = await self._find()
        duration = max(0.0, self._clock.monotonic() - begin)
        finding = replace(finding, last_check=self._clock.now(), duration=duration)
        failed = error is not None or finding.status is Status.UNHEALTHY
        if failed and not finding.error_type:
            finding = replace(finding, error_type=finding.status.value)
        return CheckRun(finding, started, duration, failed, error)

    async def _find(self) -> tuple[HealthStatus, BaseException | None]:
        if self._hung is not None and not self._hung.done():
            return self._given_up("an earlier run has still not ended, although it was cancelled"), None
        task = asyncio.create_task(self._guarded(), context=contextvars.copy_context())
        try:
            done, _ = await asyncio.wait({task}, timeout=self.timeout)
        finally:
            # One that swallows the cancellation is not waited for. That of a task which is done is looked at: where
            # Ctrl-C has stopped the loop nobody comes back for it, and asyncio would complain.
            if not task.cancel() and not task.cancelled():
                task.exception()
        if not done:
            self._hung = task
            return self._given_up(f"no result within {self.timeout:g} s"), None
        result = asyncio.CancelledError() if task.cancelled() else task.result()
        match result:
            case HealthStatus():
                return result, None
            case StillRunningError():
                return self._given_up(str(result)), None
            case BaseException():
                message = f"Check failed: {describe(result)}{_advice(result)}"
                return self._found(self._on_error, message, error_type(result)), result
            case _:
                assert_never(result)

    async def _guarded(self) -> HealthStatus | BaseException:
        # This task has a context of its own, so there is nothing to detach.
        attach(set_value("suppress_instrumentation", True, Context()))
        try:
            finding = _require_finding(await self.check.check())
            # Anew: a subclass may have fields of its own, or a mapping that changes later.
            metadata = MappingProxyType(dict(finding.metadata))
            return self._found(finding.status, finding.message, finding.error_type, metadata)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if is_interrupt(error):
                raise
            return error  # Whatever else a check raises is a finding about its component.

    def _found(
        self, status: Status, message: str, error_type: str = "", metadata: Mapping[str, object] = _NO_METADATA
    ) -> HealthStatus:
        """Return a finding with nothing in it that must not leave, or could not."""
        return HealthStatus(
            self.component_id,
            status,
            # Cut before too, so that a huge text costs little time.
            message=sendable(redacted(message[: 4 * _LONGEST_MESSAGE])[:_LONGEST_MESSAGE]),
            metadata=metadata,
            error_type=sendable(error_type[:_LONGEST_MESSAGE]),
        )

    def _given_up(self, message: str) -> HealthStatus:
        return self._found(Status.UNHEALTHY, message, "timeout")


def _require_finding(finding: object) -> HealthStatus:
    if not isinstance(finding, HealthStatus) or not isinstance(finding.status, Status):
        raise TypeError(f"check() returned {finding!r:.200} instead of a HealthStatus")
    if not isinstance(finding.message, str) or not isinstance(finding.metadata, Mapping):
        raise TypeError("check() returned a HealthStatus whose message is not a str, or whose metadata is no mapping")
    if not isinstance(finding.error_type, str):
        raise TypeError("check() returned a HealthStatus whose error_type is not a str")
    return finding


def _advice(error: BaseException) -> str:
    with contextlib.suppress(Exception):  # somebody else's __str__
        if any(hint in str(error) for hint in _OTHER_LOOP):
            return f" ({_OTHER_LOOP_ADVICE})"
    return ""
