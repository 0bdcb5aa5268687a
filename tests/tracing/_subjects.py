"""Decorated functions at the top of a module, where pickle finds them, each beside its plain twin."""

import functools
from collections.abc import Callable
from typing import Any

from vitalspan import instrument, measured, traced


def _plain_function(order: str, *, amount: int = 1) -> tuple[str, int]:
    """Return what it was given."""
    return order, amount


async def _plain_coroutine(order: str, *, amount: int = 1) -> tuple[str, int]:
    """Return what it was given, later."""
    return order, amount


function = instrument(_plain_function)
coroutine = instrument(_plain_coroutine)
PLAIN: dict[Callable[..., Any], Callable[..., Any]] = {function: _plain_function, coroutine: _plain_coroutine}


@instrument
def top(order: str, *, amount: int = 1) -> tuple[str, int]:
    """Return what it was given."""
    return order, amount


@traced(name="later")
async def top_async(order: str) -> str:
    """Return what it was given, later."""
    return order


class Shop:
    """Every kind of method, with the decorator on either side."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shop) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @instrument
    def method(self, order: str) -> tuple[object, str]:
        """Sell."""
        return self.name, order

    @measured
    async def async_method(self, order: str) -> tuple[object, str]:
        """Sell later."""
        return self.name, order

    @instrument
    @classmethod
    def outer_class_method(cls, order: str) -> tuple[object, str]:
        """Sell anywhere."""
        return cls, order

    @classmethod
    @instrument
    def inner_class_method(cls, order: str) -> tuple[object, str]:
        """Sell anywhere."""
        return cls, order

    @instrument
    @staticmethod
    def outer_static_method(order: str) -> tuple[object, str]:
        """Sell without a shop."""
        return None, order

    @staticmethod
    @instrument
    def inner_static_method(order: str) -> tuple[object, str]:
        """Sell without a shop."""
        return None, order

    @traced
    @classmethod
    async def async_class_method(cls, order: str) -> tuple[object, str]:
        """Sell anywhere, later."""
        return cls, order

    @traced
    @staticmethod
    async def async_static_method(order: str) -> tuple[object, str]:
        """Sell without a shop, later."""
        return None, order


class Chain(Shop):
    """Inherits every method."""


@instrument
@functools.lru_cache
def cached(order: str) -> str:
    """Remember."""
    return order
