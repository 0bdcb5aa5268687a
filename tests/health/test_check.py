"""How a plain function becomes a check."""

import asyncio
import functools
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalspan import ConfigurationError
from vitalspan.health import FunctionHealthCheck, HealthCheck, HealthStatus, Status
from vitalspan.health._check import to_finding

_FOUND = HealthStatus("database", Status.DEGRADED, message="slow", metadata={"rows": 3})
_ALLOWED = [
    (None, Status.HEALTHY, ""),
    (True, Status.HEALTHY, ""),
    (False, Status.UNHEALTHY, ""),
    *((status, status, "") for status in Status),
    ((Status.DEGRADED, "slow"), Status.DEGRADED, "slow"),
    (_FOUND, Status.DEGRADED, "slow"),
]


class _Ping:
    def __call__(self) -> Status:
        return Status.DEGRADED


class _AsyncPing:
    async def __call__(self) -> Status:
        return Status.DEGRADED


class _Client:
    async def ping(self) -> Status:
        return Status.DEGRADED

    @staticmethod
    async def ping_host(host: str) -> Status:
        return Status.DEGRADED if host else Status.UNHEALTHY


async def _ping() -> Status:
    return Status.DEGRADED


def _find(function: Any) -> HealthStatus:
    return asyncio.run(FunctionHealthCheck("database", function).check())


@pytest.mark.parametrize(("result", "status", "message"), _ALLOWED)
def test_a_sync_function_says_how_its_component_is_by_what_it_returns(
    result: object, status: Status, message: str
) -> None:
    finding = _find(lambda: result)
    assert (finding.component_id, finding.status, finding.message) == ("database", status, message)


@pytest.mark.parametrize(("result", "status", "message"), _ALLOWED)
def test_an_async_function_says_it_likewise(result: object, status: Status, message: str) -> None:
    async def function() -> object:
        return result

    finding = _find(function)
    assert (finding.component_id, finding.status, finding.message) == ("database", status, message)


def test_a_finding_is_taken_as_it_is() -> None:
    assert to_finding("database", _FOUND) is _FOUND


@pytest.mark.parametrize(
    "result",
    [0, 1, "healthy", "", [], (), (Status.HEALTHY,), (Status.HEALTHY, 1), ("healthy", "x"), object(), b"ok", 1.0, {}],
)
def test_anything_else_is_an_error_of_the_check(result: object) -> None:
    """Truthiness would hide mistakes: `"unhealthy"` is true, and an empty result set false."""
    with pytest.raises(TypeError, match=rf"^the check returned {type(result).__name__}, which .* return None, a bool"):
        to_finding("database", result)


@given(st.integers() | st.floats() | st.text() | st.binary() | st.dictionaries(st.text(), st.integers()))
def test_no_plain_value_means_anything_by_accident(result: object) -> None:
    with pytest.raises(TypeError, match="says nothing about health"):
        to_finding("database", result)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(_ping, id="async function"),
        pytest.param(lambda: _ping(), id="lambda that returns a coroutine"),  # noqa: PLW0108 - what is tested
        pytest.param(_Ping(), id="callable object"),
        pytest.param(_AsyncPing(), id="async callable object"),
        pytest.param(_Client().ping, id="bound method"),
        pytest.param(functools.partial(_Client.ping_host, "localhost"), id="partial of an async function"),
    ],
)
def test_whatever_can_be_called_without_arguments_can_be_a_check(function: Any) -> None:
    assert _find(function).status is Status.DEGRADED


def test_a_sync_function_runs_on_a_thread_of_its_own() -> None:
    """It may block; the event loop stays free."""
    thread = threading.current_thread()
    names: list[str] = []

    def function() -> None:
        assert threading.current_thread() is not thread
        names.append(threading.current_thread().name)

    assert _find(function).status is Status.HEALTHY
    assert names == ["vitalspan-check-database"]


def test_an_async_function_runs_in_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    async def function() -> None:
        threads.append(threading.current_thread())

    _find(function)
    assert threads == [threading.current_thread()]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_the_function_raises_is_for_the_monitor_to_judge(kind: str) -> None:
    error = OSError("connection refused")

    def function() -> None:
        raise error

    async def async_function() -> None:
        raise error

    with pytest.raises(OSError, match="connection refused") as raised:
        _find(function if kind == "sync" else async_function)
    assert raised.value is error


def test_a_function_check_is_a_check_with_everything_that_one_may_say() -> None:
    check = FunctionHealthCheck("database", lambda: None, interval=7, timeout=3, critical=False)
    assert isinstance(check, HealthCheck)
    assert (check.component_id, check.check_interval, check.timeout, check.critical, check.on_error) == (
        "database",
        7.0,
        3.0,
        False,
        Status.UNHEALTHY,
    )


def test_the_defaults_are_half_a_minute_and_five_seconds() -> None:
    check = FunctionHealthCheck("database", lambda: None)
    assert (check.check_interval, check.timeout, check.critical) == (30, 5, True)


# Set-up is loud


def _generator() -> Iterator[None]:
    yield None


async def _async_generator() -> AsyncIterator[None]:
    yield None


def _needs_more(host: str) -> None: ...


def _bad(**arguments: Any) -> Callable[[], object]:
    given: dict[str, Any] = {"component_id": "database", "function": lambda: None, **arguments}
    return lambda: FunctionHealthCheck(**given)


_SECONDS = [0, -1.0, float("nan"), float("inf"), True, "10", None, 10**400]


@pytest.mark.parametrize(
    ("what", "value"),
    [
        *(("component_id", value) for value in ("", "  ", None, 7, "x" * 201, "caf\udce9")),
        *(("interval", value) for value in _SECONDS),
        *(("timeout", value) for value in _SECONDS),
        *(("critical", value) for value in (None, 1, "no")),
        *(("on_error", value) for value in ("degraded", None, 1)),
    ],
)
def test_an_argument_that_cannot_be_used_is_named_with_its_value_and_advice(what: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as raised:
        _bad(**{what: value})()
    assert (raised.value.what, raised.value.advice[:4]) == (what, "name" if what == "component_id" else "give")
    assert raised.value.value is value
    assert str(raised.value) == f"{what} is {value!r}: {raised.value.advice}"


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (None, "give a function without arguments, sync or async"),
        ("SELECT 1", "give a function without arguments, sync or async"),
        (_Ping, "give a function without arguments, sync or async"),
        (_generator, "a generator runs nothing when it is called"),
        (_async_generator, "a generator runs nothing when it is called"),
        (_needs_more, "missing a required argument: 'host'"),
        (functools.partial(_needs_more), "missing a required argument: 'host'"),
        (_Client.ping, "missing a required argument: 'self'"),
    ],
)
def test_what_cannot_be_called_without_arguments_cannot_be_a_check(function: Any, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(advice)) as raised:
        _bad(function=function)()
    assert (raised.value.what, raised.value.value) == ("the check", function)


def test_a_coroutine_that_was_made_already_cannot_be_a_check() -> None:
    """`check("x")(ping())` instead of `check("x")(ping)`: it could run once only."""
    coroutine = _ping()
    with pytest.raises(ConfigurationError, match="give a function without arguments"):
        _bad(function=coroutine)()
    coroutine.close()


def test_a_builtin_that_does_not_tell_its_arguments_is_seen_when_it_runs() -> None:
    with pytest.raises(TypeError, match="max expected"):
        _find(max)
