"""What kind of call a callable makes, and wrapping it so that nothing else about it changes.

The only file that knows wrapt.
"""

import copy
import inspect
import pickle
from collections.abc import Callable, Mapping
from enum import Enum
from operator import attrgetter
from typing import Any, cast

import wrapt

from vitalspan._errors import ConfigurationError

__all__ = ["CallKind", "kind_of", "unwrapped", "wrap"]

Wrapper = Callable[[Callable[..., Any], object, tuple[Any, ...], Mapping[str, Any]], Any]
"""Called for each call with the wrapped callable, the instance it is bound to, and the call's arguments."""


class CallKind(Enum):
    """What a call gives back."""

    FUNCTION = "function"
    COROUTINE = "coroutine function"


def unwrapped(function: Any) -> Any:
    """Return the function that a classmethod or staticmethod object holds, or *function* itself."""
    return cast("Any", function).__func__ if isinstance(function, classmethod | staticmethod) else function


def kind_of(function: object) -> CallKind:
    """Return what kind of call *function* makes.

    Raises:
        ConfigurationError: It is nothing that can be instrumented; the error says why and what to do.
    """
    inner = unwrapped(function)
    if inspect.isclass(inner):
        raise ConfigurationError("the function", function, "it is a class: decorate its methods")
    if not callable(inner):
        raise ConfigurationError("the function", function, "it cannot be called: give a function or a method")
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise ConfigurationError(
            "the function", function, "it is a generator, whose work is done after the call: decorate what it calls"
        )
    if not (hasattr(inner, "__qualname__") and hasattr(inner, "__module__")) or inspect.isbuiltin(inner):
        raise ConfigurationError(
            "the function", function, "it has no name and source of its own: wrap it in a function and decorate that"
        )
    return CallKind.COROUTINE if inspect.iscoroutinefunction(inner) else CallKind.FUNCTION


def wrap(function: Callable[..., Any], wrapper: Wrapper) -> Callable[..., Any]:
    """Return *function* with *wrapper* around each of its calls; it looks and pickles like the original."""
    return cast("Callable[..., Any]", _Wrapped(function, wrapper))


def _by_name(module: str, qualified_name: str) -> Any:
    """Return what *qualified_name* stands for in *module*: how a pickled wrapper is found again."""
    return attrgetter(qualified_name)(__import__(module, fromlist=["_"]))


def _reduced(function: Any) -> tuple[Any, ...]:
    name = function.__qualname__
    if "<locals>" in name:
        raise pickle.PicklingError(f"cannot pickle {name}: it is not at the top level of a module or a class")
    return _by_name, (function.__module__, name)


class _BoundWrapped(wrapt.BoundFunctionWrapper[..., Any]):
    """A wrapped method, taken from an instance or a class."""

    def __copy__(self) -> "_BoundWrapped":
        """Return itself: the same method of the same instance."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return the method of a copy of the instance, as copying a plain bound method does."""
        owner = getattr(self, "__self__", None)
        return self if owner is None else getattr(copy.deepcopy(owner, memo), self.__name__)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """Pickle as the instance and the method's name, as a plain bound method does.

        A staticmethod, and a method taken from its class, are bound to nothing: by name, as functions are.
        """
        owner = getattr(self, "__self__", None)
        return _reduced(self) if owner is None else (getattr, (owner, self.__name__))


class _Wrapped(wrapt.FunctionWrapper[..., Any]):
    """A function with a wrapper around it."""

    __bound_function_wrapper__ = _BoundWrapped

    def __copy__(self) -> "_Wrapped":
        """Return itself, as copying a plain function does."""
        return self

    def __deepcopy__(self, memo: object) -> "_Wrapped":
        """Return itself, as copying a plain function does."""
        return self

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """Pickle by name, as a plain function does.

        Raises:
            pickle.PicklingError: It is not found under its name, for example because it is local.
        """
        return _reduced(self)
