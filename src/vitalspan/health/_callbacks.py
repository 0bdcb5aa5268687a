"""Functions of the program that health calls: whether they can be, and what they must not do to whoever calls."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from vitalspan._errors import ConfigurationError, error_type
from vitalspan._guard import LEDGER, Guard, warn_once

__all__ = ["CallbackGuard", "Subscription", "is_interrupt", "misfit", "require_listener"]

L = TypeVar("L")


@dataclass(frozen=True, slots=True, eq=False)
class Subscription(Generic[L]):
    """One subscription of a listener; the same listener may have several, and each is ended by itself."""

    listener: L


class CallbackGuard(Guard):
    """A guard around a function of the program: what ends a thread or a program must not end the monitor either.

    Only the end of the task and the user's Ctrl-C pass: they are not of the function's making.
    """

    __slots__ = ("raised",)

    def __init__(self, doing: str, *, signal: str = "health") -> None:
        """Say what the block is *doing*, for the log, and for which *signal* a failure counts."""
        super().__init__(doing, signal=signal)
        self.raised: BaseException | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Swallow whatever the function raised, having counted and logged it."""
        if error is None or isinstance(error, asyncio.CancelledError) or is_interrupt(error):
            return False
        self.raised = error
        if super().__exit__(kind, error, traceback):
            return True
        name = error_type(error)
        LEDGER.drop(self._signal, name)
        warn_once(f"{self._doing}: {name}", "vitalspan failed at %s; the program goes on", self._doing, error=error)
        return True


def is_interrupt(error: BaseException) -> bool:
    """Tell whether *error* is the user's Ctrl-C: Python raises it in whatever the main thread is doing."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def misfit(function: Callable[..., Any], *arguments: object) -> str:
    """Return why *function* cannot be called with *arguments*; empty where it can, or does not tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # A builtin that does not tell its signature: it is seen when it is called.
    try:
        signature.bind(*arguments)
    except TypeError as error:
        return str(error)
    return ""


def require_listener(what: str, listener: object, advice: str) -> None:
    """Raise `ConfigurationError` about *what*, with *advice*, unless *listener* can be called with one argument."""
    if not callable(listener):
        raise ConfigurationError(what, listener, advice)
    if reason := misfit(listener, None):
        raise ConfigurationError(what, listener, f"{advice}: {reason}")
