"""Are the children of a supervision tree alive, and do they stay so?"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from vitalspan._errors import ConfigurationError
from vitalspan.health._check import (
    DEFAULT_INTERVAL,
    DEFAULT_TIMEOUT,
    require_bool,
    require_component_id,
    require_seconds,
)
from vitalspan.health._status import HealthStatus, Status

__all__ = ["SupervisedChild", "SupervisionTree", "SupervisionTreeHealthCheck"]


class SupervisedChild(Protocol):
    """One child, as far as a check needs it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        ...

    @property
    def restarts(self) -> int:
        """How often it was started again, in all."""
        ...


@runtime_checkable
class SupervisionTree(Protocol):
    """What starts children again when they die."""

    def children(self) -> Iterable[SupervisedChild]:
        """Return the children that there should be."""
        ...


class SupervisionTreeHealthCheck:
    """Degraded when children are restarted too often, unhealthy when one is down.

    Too often is Erlang/OTP's measure, the restart intensity: more than *max_restarts* within *window*
    seconds. Its own default (1 in 5 s) makes a supervisor give up; this one, 3 in 60 s, is for telling
    somebody before that happens.
    """

    def __init__(
        self,
        tree: SupervisionTree,
        *,
        component_id: str = "supervision_tree",
        check_interval: float = DEFAULT_INTERVAL,
        timeout: float = DEFAULT_TIMEOUT,
        max_restarts: int = 3,
        window: float = 60.0,
        critical: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a check.

        Args:
            tree: What is supervised.
            component_id: The component's name.
            check_interval: Seconds between two runs.
            timeout: Seconds after which a run is given up and the tree reads unhealthy.
            max_restarts: Restarts within *window* that are still healthy.
            window: Seconds over which restarts are counted.
            critical: Whether the system is unhealthy when the tree is.
            clock: Tells monotonic seconds.

        Raises:
            ConfigurationError: An argument that cannot be used.
        """
        if isinstance(tree, type) or not isinstance(tree, SupervisionTree):
            raise ConfigurationError("tree", tree, "give an object with children()")
        if not isinstance(max_restarts, int) or isinstance(max_restarts, bool) or max_restarts < 0:
            raise ConfigurationError("max_restarts", max_restarts, "give a whole number from zero")
        self.component_id: str = require_component_id(component_id)
        self.check_interval: float = require_seconds("check_interval", check_interval)
        self.timeout: float = require_seconds("timeout", timeout)
        self.critical: bool = require_bool("critical", critical)
        self._max_restarts = max_restarts
        self._window = require_seconds("window", window)
        self._tree = tree
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    async def check(self) -> HealthStatus:
        """Look at every child; metadata `children`, `restarts` (in all) and `recent_restarts` hold what was seen."""
        children = list(self._tree.children())
        down = sorted(child.name for child in children if not child.is_alive)
        total = sum(child.restarts for child in children)
        recent = self._recent(total)
        metadata = {"children": len(children), "restarts": total, "recent_restarts": recent}
        if down:
            return HealthStatus(
                self.component_id, Status.UNHEALTHY, message=f"down: {', '.join(down)}", metadata=metadata
            )
        if recent > self._max_restarts:
            message = f"{recent} restarts within {self._window:g} s, more than {self._max_restarts}"
            return HealthStatus(self.component_id, Status.DEGRADED, message=message, metadata=metadata)
        return HealthStatus(self.component_id, Status.HEALTHY, metadata=metadata)

    def _recent(self, total: int) -> int:
        """Return the restarts within the window, from the totals seen in it; the first look counts none."""
        now = self._clock()
        if self._seen and total < self._seen[-1][1]:
            self._seen.clear()  # A child was taken away, and its restarts with it.
        self._seen.append((now, total))
        # The last look before the window stays, to count from, however seldom it is looked.
        while len(self._seen) > 1 and self._seen[1][0] <= now - self._window:
            self._seen.popleft()
        return total - self._seen[0][1]
