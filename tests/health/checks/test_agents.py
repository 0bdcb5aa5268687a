"""Does the agent system still start actors?"""

import asyncio
import threading
from typing import Any

import pytest

from tests.fakes import ManualClock
from tests.health._parts import Stubborn, run
from vitalspan import ConfigurationError
from vitalspan.health import AgentSystemHealthCheck, HealthMonitor, HealthStatus, Status


class _Agents:
    """An agent system with async methods; *spawn* is what starting an actor does."""

    def __init__(self, spawn: Any = None) -> None:
        self.spawned = 0
        self._spawn = spawn

    async def active_actor_count(self) -> int:
        return 3

    async def spawn_test_actor(self) -> object:
        self.spawned += 1
        if isinstance(self._spawn, BaseException):
            raise self._spawn
        return None if self._spawn is None else await self._spawn()


class _BlockingAgents:
    """An agent system with sync methods."""

    def __init__(self, release: threading.Event | None = None) -> None:
        self.threads: list[threading.Thread] = []
        self._release = release

    def active_actor_count(self) -> int:
        self.threads.append(threading.current_thread())
        return 3

    def spawn_test_actor(self) -> object:
        self.threads.append(threading.current_thread())
        return self._release.wait() if self._release is not None else None


class _FutureAgents:
    """An agent system whose sync methods return what is to be awaited."""

    def active_actor_count(self) -> Any:
        return _Agents().active_actor_count()

    def spawn_test_actor(self) -> Any:
        return _Agents().spawn_test_actor()


def _find(agents: Any, clock: ManualClock) -> HealthStatus:
    return run(clock, AgentSystemHealthCheck(agents).check())


@pytest.mark.parametrize("agents", [_Agents(), _BlockingAgents(), _FutureAgents()])
def test_a_system_that_starts_an_actor_is_healthy_and_says_how_many_it_has(agents: Any) -> None:
    finding = asyncio.run(AgentSystemHealthCheck(agents).check())
    assert (finding.component_id, finding.status, finding.message) == ("agent_system", Status.HEALTHY, "3 actors")
    assert finding.metadata["active_actors"] == 3
    milliseconds = finding.metadata["spawn_ms"]
    assert isinstance(milliseconds, float)
    assert 0 <= milliseconds < 2000


def test_sync_methods_run_beside_the_event_loop() -> None:
    """They may block, and must not hold up the other checks."""
    agents = _BlockingAgents()
    asyncio.run(AgentSystemHealthCheck(agents).check())
    assert threading.current_thread() not in agents.threads
    assert len(agents.threads) == 2


@pytest.mark.parametrize(
    ("error", "error_type"), [(RuntimeError("no slot"), "RuntimeError"), (SystemExit("no slot"), "SystemExit")]
)
def test_a_system_that_refuses_an_actor_is_degraded(clock: ManualClock, error: BaseException, error_type: str) -> None:
    """It still runs those that it has."""
    finding = _find(_Agents(error), clock)
    assert finding.status is Status.DEGRADED
    assert finding.message == f"no test actor could be started: {error_type}: no slot"
    assert finding.error_type == error_type
    assert finding.metadata.keys() == {"active_actors", "spawn_ms"}


def test_a_system_that_hangs_is_unhealthy_within_its_own_time(monitor: HealthMonitor, clock: ManualClock) -> None:
    monitor.register_check(AgentSystemHealthCheck(_Agents(asyncio.Event().wait)))
    finding = run(clock, monitor.check_now("agent_system"))
    assert (finding.status, finding.message) == (Status.UNHEALTHY, "no test actor within 2 s")
    assert (finding.error_type, finding.duration) == ("timeout", 2)
    assert finding.metadata == {"active_actors": 3}


def test_a_start_that_swallows_its_cancellation_is_not_tried_twice(monitor: HealthMonitor, clock: ManualClock) -> None:
    """One more actor at each interval would bury the system that hangs."""

    async def main() -> None:
        stubborn = Stubborn()
        agents = _Agents(stubborn)
        monitor.register_check(AgentSystemHealthCheck(agents))
        await monitor.check_now("agent_system")
        finding = await monitor.check_now("agent_system")
        assert finding.message == "an earlier test actor is still being started, although that was cancelled"
        assert (finding.status, finding.error_type) == (Status.UNHEALTHY, "timeout")
        assert agents.spawned == 1
        stubborn.release()
        await asyncio.sleep(1)
        assert (await monitor.check_now("agent_system")).status is Status.HEALTHY
        assert agents.spawned == 2

    run(clock, main())


def test_a_sync_start_that_hangs_is_not_tried_twice(monitor: HealthMonitor, release: threading.Event) -> None:
    agents = _BlockingAgents(release)
    monitor.register_check(AgentSystemHealthCheck(agents, spawn_timeout=0.02))
    first = asyncio.run(monitor.check_now("agent_system"))
    second = asyncio.run(monitor.check_now("agent_system"))
    assert (first.status, first.message) == (Status.UNHEALTHY, "no test actor within 0.02 s")
    assert second.status is Status.UNHEALTHY
    assert second.message.endswith("s ago is still running")
    assert len(agents.threads) == 2


def test_a_sync_start_that_still_hangs_is_no_refusal(monitor: HealthMonitor, release: threading.Event) -> None:
    """The count may be async and the start sync: then it is the start that finds the thread taken."""
    agents: Any = _BlockingAgents(release)
    agents.active_actor_count = _Agents().active_actor_count
    monitor.register_check(AgentSystemHealthCheck(agents, spawn_timeout=0.02))
    asyncio.run(monitor.check_now("agent_system"))
    finding = asyncio.run(monitor.check_now("agent_system"))
    assert (finding.status, finding.error_type) == (Status.UNHEALTHY, "timeout")
    assert finding.message.endswith("s ago is still running")
    assert len(agents.threads) == 1


def test_a_check_that_is_given_up_gives_up_its_actor(clock: ManualClock) -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("spawn")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(AgentSystemHealthCheck(_Agents(hang)).check(), 1)
        await asyncio.sleep(0)
        assert ended == ["spawn"]

    run(clock, main())


def test_a_start_that_was_cancelled_by_the_system_reads_unknown(monitor: HealthMonitor, clock: ManualClock) -> None:
    monitor.register_check(AgentSystemHealthCheck(_Agents(asyncio.CancelledError())))
    finding = run(clock, monitor.check_now("agent_system"))
    assert (finding.status, finding.message) == (Status.UNKNOWN, "Check failed: CancelledError")


def test_a_system_that_cannot_be_asked_reads_unknown(monitor: HealthMonitor, clock: ManualClock) -> None:
    class Broken(_Agents):
        async def active_actor_count(self) -> int:
            raise ConnectionError("no cluster")

    monitor.register_check(AgentSystemHealthCheck(Broken()))
    finding = run(clock, monitor.check_now("agent_system"))
    assert (finding.status, finding.message) == (Status.UNKNOWN, "Check failed: ConnectionError: no cluster")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"agent_system": None}, "agent_system"),
        ({"agent_system": object()}, "agent_system"),
        ({"agent_system": _Agents}, "agent_system"),
        ({"component_id": ""}, "component_id"),
        ({"check_interval": 0}, "check_interval"),
        ({"spawn_timeout": None}, "spawn_timeout"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], what: str) -> None:
    given: dict[str, Any] = {"agent_system": _Agents(), **arguments}
    with pytest.raises(ConfigurationError) as raised:
        AgentSystemHealthCheck(given.pop("agent_system"), **given)
    assert (raised.value.what, raised.value.value) == (what, arguments[what])
