"""What a check is, and how a plain function becomes one."""

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol, cast, runtime_checkable

from vitalspan._errors import ConfigurationError
from vitalspan._text import is_sendable
from vitalspan._threads import Lane
from vitalspan.health._callbacks import misfit
from vitalspan.health._status import HealthStatus, Status

__all__ = [
    "DEFAULT_INTERVAL",
    "DEFAULT_TIMEOUT",
    "CheckFunction",
    "FunctionHealthCheck",
    "HealthCheck",
    "require_bool",
    "require_check",
    "require_component_id",
    "require_seconds",
    "require_status",
]

DEFAULT_INTERVAL = 30.0
"""Seconds between two runs: what .NET's publisher and Docker's HEALTHCHECK take."""

DEFAULT_TIMEOUT = 5.0
"""Seconds that one run may take: what django-health-check and fast-healthchecks take."""

CheckResult = None | bool | Status | tuple[Status, str] | HealthStatus
CheckFunction = Callable[[], CheckResult] | Callable[[], Awaitable[CheckResult]]


@runtime_checkable
class HealthCheck(Protocol):
    """Finds out how one component is. Any object of this shape will do.

    It may also have `timeout` (seconds), `critical` (bool), `on_error` (the `Status` for a run that
    raises, by default unknown) and `probes` (an iterable of `Probe`); `HealthMonitor.register_check` takes them.
    """

    @property
    def component_id(self) -> str:
        """The component that it is about."""
        ...

    @property
    def check_interval(self) -> float:
        """Seconds between two runs."""
        ...

    async def check(self) -> HealthStatus:
        """Find out how the component is. It may raise."""
        ...


class FunctionHealthCheck:
    """Makes a check of a plain function, sync or async.

    The function says how its component is by what it returns: None or True is healthy, False is
    unhealthy; a `Status`, a `(Status, message)` or a `HealthStatus` says it in full. When it raises,
    the component is unhealthy, because that is how people write such functions. A sync function runs
    on a thread of its own, so it may block.
    """

    def __init__(
        self,
        component_id: str,
        function: CheckFunction,
        *,
        interval: float = DEFAULT_INTERVAL,
        timeout: float = DEFAULT_TIMEOUT,
        critical: bool = True,
        on_error: Status = Status.UNHEALTHY,
    ) -> None:
        """Make a check.

        Args:
            component_id: The component that *function* is about.
            function: Takes no arguments.
            interval: Seconds between two runs.
            timeout: Seconds after which a run is given up and the component reads unhealthy.
            critical: Whether the system is unhealthy when this component is.
            on_error: What the component reads when *function* raises.

        Raises:
            ConfigurationError: An argument that cannot be used.
        """
        self.component_id: str = require_component_id(component_id)
        self.check_interval: float = require_seconds("interval", interval)
        self.timeout: float = require_seconds("timeout", timeout)
        self.critical: bool = require_bool("critical", critical)
        self.on_error: Status = require_status("on_error", on_error)
        self._function = _require_function(function)
        self._lane = None if _is_async(function) else Lane(f"vitalspan-check-{component_id}")

    async def check(self) -> HealthStatus:
        """Run the function and say what its result means.

        Raises:
            TypeError: The function returned something that says nothing about health.
        """
        if self._lane is None:
            result = await cast("Callable[[], Awaitable[CheckResult]]", self._function)()
        else:
            result = await self._lane.run(cast("Callable[[], CheckResult]", self._function))
            if inspect.isawaitable(result):  # for example a lambda that calls a coroutine function
                result = cast("CheckResult", await result)
        return to_finding(self.component_id, result)


def to_finding(component_id: str, result: object) -> HealthStatus:
    """Return what *result* of a plain function says about the component.

    Raises:
        TypeError: It says nothing about health.

    >>> to_finding("cache", (Status.DEGRADED, "slow")).message
    'slow'
    """
    match result:
        case None | True:
            return HealthStatus(component_id, Status.HEALTHY)
        case False:
            return HealthStatus(component_id, Status.UNHEALTHY)
        case Status():
            return HealthStatus(component_id, result)
        case (Status() as status, str() as message):
            return HealthStatus(component_id, status, message=message)
        case HealthStatus():
            return result
        case _:
            raise TypeError(
                f"the check returned {type(result).__name__}, which says nothing about health: "
                "return None, a bool, a Status, a (Status, message) or a HealthStatus"
            )


def require_component_id(component_id: object) -> str:
    """Return *component_id* when it can name a component, or raise `ConfigurationError`."""
    if (
        isinstance(component_id, str)
        and component_id.strip()
        and len(component_id) <= _LONGEST_ID
        and is_sendable(component_id)
    ):
        return component_id
    raise ConfigurationError(
        "component_id", component_id, f"name the component in 1 to {_LONGEST_ID} characters, for example 'database'"
    )


def require_check(check: object) -> HealthCheck:
    """Return *check* when it has the shape of one, or raise `ConfigurationError`."""
    if not isinstance(check, HealthCheck) or isinstance(check, type):
        raise ConfigurationError(
            "the check", check, "give an object with component_id, check_interval and async check(), or use check()"
        )
    method: object = check.check
    if not callable(method) or not (_is_async(method) or _is_opaque(method)):
        raise ConfigurationError("the check", check, "make its check() a coroutine function: `async def check(self)`")
    return check


def require_bool(what: str, value: object) -> bool:
    """Return *value* when it is True or False, or raise `ConfigurationError` about *what*."""
    if isinstance(value, bool):
        return value
    raise ConfigurationError(what, value, "give True or False")


def require_seconds(what: str, seconds: object) -> float:
    """Return *seconds* when it is a finite number above zero, or raise `ConfigurationError` about *what*."""
    # An integer may be finite and still greater than any float.
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds <= sys.float_info.max:
        return float(seconds)
    raise ConfigurationError(what, seconds, "give seconds above zero, for example 10.0")


def require_status(what: str, status: object) -> Status:
    """Return *status* when it is one, or raise `ConfigurationError` about *what*."""
    if isinstance(status, Status):
        return status
    raise ConfigurationError(what, status, "give a Status, for example Status.DEGRADED")


def _require_function(function: object) -> CheckFunction:
    advice = "give a function without arguments, sync or async"
    if not callable(function) or inspect.isclass(function):
        raise ConfigurationError("the check", function, advice)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError("the check", function, f"{advice}; a generator runs nothing when it is called")
    if reason := misfit(function):
        raise ConfigurationError("the check", function, f"{advice}: {reason}")
    return cast("CheckFunction", function)


def _is_async(function: object) -> bool:
    # A callable object is a coroutine function when its __call__ is one.
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method itself is wanted
    )


def _is_opaque(function: Callable[..., object]) -> bool:
    """Tell whether *function*, compiled perhaps, does not even tell its signature."""
    try:
        inspect.signature(function)
    except (TypeError, ValueError):
        return True
    return False


_LONGEST_ID = 200
"""Long enough for a qualified name, short enough for a metric attribute."""
