"""Is the event loop responsive?"""

import asyncio
import contextlib
import time
from collections.abc import Callable

from vitalspan._errors import ConfigurationError
from vitalspan.health._check import require_bool, require_component_id, require_seconds
from vitalspan.health._status import HealthStatus, Probe, Status

__all__ = ["RuntimeHealthCheck"]


class RuntimeHealthCheck:
    """Finds out how long an event loop takes to come round to a callback.

    Unresponsive after 5 s: no probe of a Kubernetes default (1 s) would be answered by then, and no
    healthy program blocks its loop for so long. Degraded from 0.1 s, where people begin to feel it.
    """

    probes: tuple[Probe, ...] = (Probe.LIVENESS, Probe.READINESS, Probe.STARTUP)

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        component_id: str = "runtime",
        check_interval: float = 10.0,
        unresponsive_after: float = 5.0,
        degraded_above: float = 0.1,
        critical: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a check.

        Args:
            loop: The event loop to watch; by default the one that the check runs in. Given the program's
                loop while the monitor runs on its own thread, a blocked program is seen while it is blocked.
            component_id: The component's name.
            check_interval: Seconds between two runs.
            unresponsive_after: Seconds of lag from which the loop is unhealthy.
            degraded_above: Seconds of lag above which it is degraded.
            critical: Whether the system is unhealthy when the runtime is.
            clock: Measures the lag, in seconds.

        Raises:
            ConfigurationError: An argument that cannot be used.
        """
        if loop is not None and not isinstance(loop, asyncio.AbstractEventLoop):
            raise ConfigurationError("loop", loop, "give an asyncio event loop, or None for the monitor's")
        self.component_id: str = require_component_id(component_id)
        self.check_interval: float = require_seconds("check_interval", check_interval)
        self.unresponsive_after: float = require_seconds("unresponsive_after", unresponsive_after)
        self.degraded_above: float = require_seconds("degraded_above", degraded_above)
        if self.degraded_above >= self.unresponsive_after:
            raise ConfigurationError("degraded_above", degraded_above, "give fewer seconds than unresponsive_after")
        self.critical: bool = require_bool("critical", critical)
        # The run itself must not be given up before it can say how long the loop was silent.
        self.timeout: float = self.unresponsive_after + 1.0
        self._watched = loop
        self._clock = clock

    async def check(self) -> HealthStatus:
        """Measure the lag, at most for `unresponsive_after` seconds; metadata `lag_s` holds it."""
        here = asyncio.get_running_loop()
        watched = self._watched or here
        if watched.is_closed():
            return HealthStatus(self.component_id, Status.UNHEALTHY, message="the event loop is closed")
        answered = asyncio.Event()

        def answer() -> None:
            # Nobody waits any more when this loop was closed before the watched one came round.
            with contextlib.suppress(RuntimeError):
                here.call_soon_threadsafe(answered.set)

        begin = self._clock()
        watched.call_soon_threadsafe(answer)
        try:
            await asyncio.wait_for(answered.wait(), self.unresponsive_after)
        except TimeoutError:
            return self._finding(Status.UNHEALTHY, self._clock() - begin, "the event loop does not respond: ")
        lag = self._clock() - begin
        if lag >= self.unresponsive_after:
            return self._finding(Status.UNHEALTHY, lag, "the event loop was blocked: ")
        if lag > self.degraded_above:
            return self._finding(Status.DEGRADED, lag, "the event loop is slow: ")
        return self._finding(Status.HEALTHY, lag, "")

    def _finding(self, status: Status, lag: float, what: str) -> HealthStatus:
        return HealthStatus(
            self.component_id, status, message=f"{what}{lag:.3f} s to come round", metadata={"lag_s": lag}
        )
