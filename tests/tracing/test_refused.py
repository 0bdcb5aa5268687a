"""Loud at set-up: what cannot be instrumented is refused at once, with what to do instead."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from vitalspan import ConfigurationError, instrument, measured, traced

_EVERY = pytest.mark.parametrize("decorate", [instrument, traced, measured])


class Shop:
    def __call__(self) -> None: ...


def generator(_owner: object = None) -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


_REFUSED: dict[str, tuple[Any, str]] = {
    "a class": (Shop, "decorate its methods"),
    "a built-in class": (int, "decorate its methods"),
    "a number": (3, "give a function or a method"),
    "a text": ("charge", "give a function or a method"),
    "a generator function": (generator, "decorate what it calls"),
    "an async generator function": (async_generator, "decorate what it calls"),
    "a generator classmethod": (classmethod(generator), "decorate what it calls"),
    "a generator staticmethod": (staticmethod(generator), "decorate what it calls"),
    "a built-in function": (len, "wrap it in a function and decorate that"),
    "a built-in method": ([].append, "wrap it in a function and decorate that"),
    "a method of a built-in class": (str.upper, "wrap it in a function and decorate that"),
    "a slot": (int.__add__, "wrap it in a function and decorate that"),
    "an object that can be called": (Shop(), "wrap it in a function and decorate that"),
    "a partial": (functools.partial(print, "x"), "wrap it in a function and decorate that"),
    "a property": (property(len), "give a function or a method"),
}


@_EVERY
@pytest.mark.parametrize("with_name", [False, True])
@pytest.mark.parametrize(("target", "advice"), _REFUSED.values(), ids=_REFUSED.keys())
def test_what_cannot_be_instrumented_is_refused_with_what_to_do(
    decorate: Callable[..., Any], *, with_name: bool, target: Any, advice: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        decorate(name="x")(target) if with_name else decorate(target)
    assert caught.value.what == "the function"
    assert caught.value.value is target
    assert caught.value.advice.endswith(advice)


@_EVERY
@pytest.mark.parametrize("name", ["", "x" * 256, "caf\udce9", 3, b"x", ["x"]])
def test_a_name_is_some_text(decorate: Callable[..., Any], name: Any) -> None:
    """Told where the decorator is made, before it meets a function."""
    with pytest.raises(ConfigurationError) as caught:
        decorate(name=name)
    assert (caught.value.what, caught.value.value) == ("name", name)
    assert "1 to 255 characters" in caught.value.advice


@_EVERY
def test_the_longest_name_is_taken(decorate: Callable[..., Any]) -> None:
    def charge() -> str:
        return "done"

    assert decorate(name="x" * 255)(charge)() == "done"
