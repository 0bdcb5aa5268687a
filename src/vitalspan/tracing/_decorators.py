"""The decorators: instrument, traced, measured."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, assert_never, cast, overload

from vitalspan._errors import ConfigurationError
from vitalspan._text import is_sendable
from vitalspan._types import F
from vitalspan.tracing._callkind import CallKind, kind_of, wrap
from vitalspan.tracing._observed import ObservedCall, Observer, new_observer

__all__ = ["instrument", "measured", "traced"]

_LONGEST_NAME = 255


@overload
def instrument(function: F, /) -> F: ...
@overload
def instrument(*, name: str | None = None) -> Callable[[F], F]: ...
def instrument(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Give each call of the decorated function a span and record its duration and outcome.

    Works on functions and coroutine functions, methods, classmethods and staticmethods. What the
    function takes, returns and raises stays as it is.

    ```python
    from vitalspan import instrument

    @instrument
    async def charge(order_id: str) -> str:
        return f"charged {order_id}"

    @instrument(name="nightly report")
    def report() -> None: ...
    ```

    Args:
        function: What to instrument.
        name: What its spans are called, instead of its qualified name.

    Raises:
        ConfigurationError: Something that cannot be instrumented, or a name that is empty, longer than 255
            characters, or cannot be encoded.
    """
    return _decorate(function, name, has_span=True, has_duration=True)


@overload
def traced(function: F, /) -> F: ...
@overload
def traced(*, name: str | None = None) -> Callable[[F], F]: ...
def traced(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Give each call of the decorated function a span, and nothing else. Otherwise as `instrument`."""
    return _decorate(function, name, has_span=True, has_duration=False)


@overload
def measured(function: F, /) -> F: ...
@overload
def measured(*, name: str | None = None) -> Callable[[F], F]: ...
def measured(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Record duration and outcome of each call of the decorated function, without a span. Otherwise as `instrument`."""
    return _decorate(function, name, has_span=False, has_duration=True)


def _decorate(function: F | None, name: str | None, *, has_span: bool, has_duration: bool) -> F | Callable[[F], F]:
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and is_sendable(name)):
        raise ConfigurationError(
            "name", name, f"give 1 to {_LONGEST_NAME} characters, none of them a lone surrogate, or leave it out"
        )

    def decorate(target: F) -> F:
        kind = kind_of(target)
        observer = new_observer(target, name=name, has_span=has_span, has_duration=has_duration)
        match kind:
            case CallKind.FUNCTION:
                return cast("F", wrap(target, _sync_wrapper(observer)))
            case CallKind.COROUTINE:
                return cast("F", wrap(target, _coroutine_wrapper(observer)))
            case _:
                assert_never(kind)

    return decorate if function is None else decorate(function)


def _sync_wrapper(observer: Observer) -> Callable[..., Any]:
    def call(wrapped: Callable[..., Any], _instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        with ObservedCall(observer):
            return wrapped(*args, **kwargs)

    return call


def _coroutine_wrapper(observer: Observer) -> Callable[..., Any]:
    def call(wrapped: Callable[..., Any], _instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        # Called here and awaited there: wrong arguments raise at the call, as they do without the decorator.
        return _awaited(observer, _Pending(wrapped(*args, **kwargs)))

    return call


class _Pending:
    """What a coroutine function gave back, until it is awaited.

    If that never happens, Python warns of the coroutine around it: closing this one keeps it at one warning.
    """

    __slots__ = ("_made",)

    def __init__(self, made: Awaitable[Any]) -> None:
        """Hold what was *made*."""
        self._made: Awaitable[Any] | None = made

    def __del__(self) -> None:
        """Close the coroutine if it has not begun."""
        if inspect.iscoroutine(self._made):
            self._made.close()

    def begin(self) -> Awaitable[Any]:
        """Give away what is to be awaited now."""
        made, self._made = self._made, None
        return cast("Awaitable[Any]", made)


async def _awaited(observer: Observer, pending: _Pending) -> Any:
    with ObservedCall(observer):
        return await pending.begin()
