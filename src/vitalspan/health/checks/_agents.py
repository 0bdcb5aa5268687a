"""Does the agent system still start actors?"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, cast, runtime_checkable

from vitalspan._errors import ConfigurationError, error_type
from vitalspan._guard import describe
from vitalspan._threads import Lane, StillRunningError
from vitalspan.health._check import DEFAULT_INTERVAL, require_bool, require_component_id, require_seconds
from vitalspan.health._status import HealthStatus, Status

__all__ = ["AgentSystem", "AgentSystemHealthCheck"]


@runtime_checkable
class AgentSystem(Protocol):
    """What runs agents, actors or workers, as far as a check needs it.

    Both methods may be sync or async. Sync ones run on a thread of their own, so they may block.
    """

    def active_actor_count(self) -> int | Awaitable[int]:
        """Return how many actors there are."""
        ...

    def spawn_test_actor(self) -> object:
        """Start an actor that does nothing and wait for it; raise when it cannot be started."""
        ...


class AgentSystemHealthCheck:
    """Starts a test actor: when that fails the system is degraded, when it hangs unhealthy.

    A system that refuses one actor still runs those that it has; one that hangs runs nothing any more.
    """

    def __init__(
        self,
        agent_system: AgentSystem,
        *,
        component_id: str = "agent_system",
        check_interval: float = DEFAULT_INTERVAL,
        spawn_timeout: float = 2.0,
        critical: bool = True,
    ) -> None:
        """Make a check.

        Args:
            agent_system: What runs the actors.
            component_id: The component's name.
            check_interval: Seconds between two runs.
            spawn_timeout: Seconds after which starting the test actor counts as hanging.
            critical: Whether the system is unhealthy when the agent system is.

        Raises:
            ConfigurationError: An argument that cannot be used.
        """
        if isinstance(agent_system, type) or not isinstance(agent_system, AgentSystem):
            raise ConfigurationError(
                "agent_system", agent_system, "give an object with active_actor_count() and spawn_test_actor()"
            )
        self.component_id: str = require_component_id(component_id)
        self.check_interval: float = require_seconds("check_interval", check_interval)
        self.spawn_timeout: float = require_seconds("spawn_timeout", spawn_timeout)
        # The run itself must not be given up before it can say that the spawn hangs.
        self.timeout: float = self.spawn_timeout + 1.0
        self.critical: bool = require_bool("critical", critical)
        self._agent_system = agent_system
        self._lane = Lane(f"vitalspan-check-{component_id}")
        self._spawning: asyncio.Future[BaseException | None] | None = None

    async def check(self) -> HealthStatus:
        """Count the actors and start one; metadata `active_actors` and `spawn_ms` hold what was seen."""
        active = await self._call(self._agent_system.active_actor_count)
        metadata: dict[str, object] = {"active_actors": active}
        if self._spawning is not None and not self._spawning.done():
            message = "an earlier test actor is still being started, although that was cancelled"
            return self._finding(Status.UNHEALTHY, message, metadata, "timeout")
        begin = time.monotonic()
        spawning = self._spawning = asyncio.ensure_future(self._spawn())
        try:
            done, _ = await asyncio.wait({spawning}, timeout=self.spawn_timeout)
        finally:
            spawning.cancel()  # Without effect when it is done. Not waited for: it may not heed it.
        if not done:
            return self._finding(
                Status.UNHEALTHY, f"no test actor within {self.spawn_timeout:g} s", metadata, "timeout"
            )
        metadata["spawn_ms"] = (time.monotonic() - begin) * 1000
        error = spawning.result()
        if error is not None:
            message = f"no test actor could be started: {describe(error)}"
            return self._finding(Status.DEGRADED, message, metadata, error_type(error))
        return self._finding(Status.HEALTHY, f"{active} actors", metadata)

    async def _spawn(self) -> BaseException | None:
        try:
            await self._call(self._agent_system.spawn_test_actor)
        except (asyncio.CancelledError, StillRunningError):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it raises says that no actor can be started
            return error
        return None

    async def _call(self, method: Callable[[], object]) -> object:
        result = method() if inspect.iscoroutinefunction(method) else await self._lane.run(method)
        return await cast("Awaitable[object]", result) if inspect.isawaitable(result) else result

    def _finding(self, status: Status, message: str, metadata: dict[str, object], kind: str = "") -> HealthStatus:
        return HealthStatus(self.component_id, status, message=message, metadata=metadata, error_type=kind)
