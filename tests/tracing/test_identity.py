"""A decorator never changes what the function is: it looks, copies and pickles like the original."""

import asyncio
import copy
import functools
import inspect
import pickle
import subprocess
import sys
import typing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from tests.tracing import _subjects
from tests.tracing._subjects import PLAIN, Chain, Shop, cached, top, top_async
from vitalspan import instrument, measured, traced

_SHOP = Shop("a")

_FUNCTIONS = pytest.mark.parametrize(("decorated", "plain"), PLAIN.items(), ids=["function", "coroutine function"])


@_FUNCTIONS
def test_a_decorated_function_looks_like_the_function(decorated: Any, plain: Any) -> None:
    assert decorated.__name__ == plain.__name__
    assert decorated.__qualname__ == plain.__qualname__
    assert decorated.__module__ == plain.__module__
    assert decorated.__doc__ == plain.__doc__
    assert decorated.__wrapped__ is plain
    assert decorated.__code__ is plain.__code__
    assert inspect.signature(decorated) == inspect.signature(plain)
    assert inspect.getsource(decorated) == inspect.getsource(plain)
    assert typing.get_type_hints(decorated) == typing.get_type_hints(plain)
    assert inspect.isfunction(decorated)
    assert inspect.iscoroutinefunction(decorated) is inspect.iscoroutinefunction(plain)
    assert isinstance(decorated, type(plain))


@_FUNCTIONS
def test_a_decorated_function_takes_and_returns_the_same(decorated: Any, plain: Any) -> None:
    def result(function: Any) -> object:
        value = function("one", amount=2)
        return asyncio.run(value) if inspect.iscoroutine(value) else value

    assert result(decorated) == result(plain) == ("one", 2)


def test_wrong_arguments_raise_what_they_raised_before() -> None:
    wrong: Any = _subjects.function
    with pytest.raises(TypeError, match=r"_plain_function\(\) got an unexpected keyword argument 'colour'"):
        wrong("one", colour="red")


def test_attributes_of_the_function_are_reachable_and_set() -> None:
    """Frameworks mark functions by attributes."""

    def charge() -> None: ...

    charge.scope = "session"  # type: ignore[attr-defined]  # a function takes attributes
    decorated: Any = instrument(charge)
    assert decorated.scope == "session"
    decorated.route = "/charge"
    assert charge.route == "/charge"  # type: ignore[attr-defined]  # set through the decorated one


def test_functools_wraps_and_partial_take_a_decorated_function() -> None:
    @functools.wraps(top)
    def outer(*args: Any, **kwargs: Any) -> object:
        return top(*args, **kwargs)

    assert outer.__name__ == "top"
    assert outer("one") == ("one", 1)
    assert functools.partial(top, amount=3)("one") == ("one", 3)


def test_a_decorated_cache_keeps_its_own_interface() -> None:
    cached.cache_clear()
    assert cached("one") == cached("one") == "one"
    assert cached.cache_info().hits == 1


def test_decorators_can_be_put_on_each_other() -> None:
    @instrument
    @measured
    @traced
    def charge(order: str) -> str:
        return order

    assert charge("one") == "one"
    assert charge.__name__ == "charge"


_METHODS = [
    "method",
    "async_method",
    "outer_class_method",
    "inner_class_method",
    "outer_static_method",
    "inner_static_method",
    "async_class_method",
    "async_static_method",
]

_BOUND = pytest.mark.parametrize("name", _METHODS)


def _result(value: Any) -> Any:
    return asyncio.run(value) if inspect.iscoroutine(value) else value


@_BOUND
@pytest.mark.parametrize("owner", [_SHOP, Shop, Chain("b"), Chain], ids=["instance", "class", "heir", "heir class"])
def test_a_method_is_bound_as_it_was(name: str, owner: Any) -> None:
    method = getattr(owner, name)
    is_instance = not isinstance(owner, type)
    if name in {"method", "async_method"} and not is_instance:
        assert _result(method(_SHOP, "one")) == ("a", "one")
        return
    bound_to = {"static": None, "class": type(owner) if is_instance else owner}
    kind = next((bound_to[kind] for kind in bound_to if kind in name), getattr(owner, "name", None))
    assert _result(method("one")) == (kind, "one")


@_BOUND
def test_a_method_tells_its_kind_its_signature_and_its_name(name: str) -> None:
    method = getattr(_SHOP, name)
    assert inspect.iscoroutinefunction(method) is ("async" in name)
    assert method.__name__ == name
    assert method.__qualname__ == f"Shop.{name}"
    assert list(inspect.signature(method).parameters) == ["order"]
    assert method.__doc__.startswith("Sell")
    assert hasattr(method, "__self__") is ("static" not in name)


def test_the_same_method_of_the_same_instance_is_equal() -> None:
    """Who registered a callback finds it again."""
    assert _SHOP.method == _SHOP.method
    assert hash(_SHOP.method) == hash(_SHOP.method)
    assert _SHOP.method != Shop("b").method


# Pickles and copies


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_function_is_pickled_by_name(protocol: int) -> None:
    assert pickle.loads(pickle.dumps(top, protocol)) is top  # noqa: S301 - our own bytes
    assert pickle.loads(pickle.dumps(top_async, protocol)) is top_async  # noqa: S301 - our own bytes


@_BOUND
@pytest.mark.parametrize("owner", [_SHOP, Shop], ids=["instance", "class"])
def test_a_method_is_pickled_as_what_it_is_bound_to_and_its_name(name: str, owner: Any) -> None:
    twin = _pickled(getattr(owner, name))
    assert getattr(twin, "__self__", None) == getattr(getattr(owner, name), "__self__", None)
    arguments = (_SHOP, "one") if owner is Shop and name in {"method", "async_method"} else ("one",)
    assert _result(twin(*arguments)) == _result(getattr(owner, name)(*arguments))


def test_a_local_function_is_refused_by_pickle_as_a_plain_one_is() -> None:
    @instrument
    def charge() -> None: ...

    class Till:
        @staticmethod
        @instrument
        def inner() -> None: ...

        @instrument
        @staticmethod
        def outer() -> None: ...

    for function in (charge, Till.inner, Till.outer):
        with pytest.raises(pickle.PicklingError, match="not at the top level of a module or a class"):
            pickle.dumps(function)


def test_a_process_pool_runs_decorated_functions_and_methods() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(top, "one", amount=2).result(30) == ("one", 2)
        assert pool.submit(_SHOP.method, "one").result(30) == ("a", "one")
        assert pool.submit(Shop.outer_static_method, "one").result(30) == (None, "one")


def test_a_function_of_the_main_program_is_found_again() -> None:
    program = (
        "import pickle, vitalspan\n"
        "@vitalspan.instrument\n"
        "def charge(): return 'charged'\n"
        "print(pickle.loads(pickle.dumps(charge))())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["charged"]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copying_a_function_gives_the_function(duplicate: Callable[[Any], Any]) -> None:
    """So that what holds one, such as a dict of handlers, can be copied."""
    assert duplicate(top) is top
    assert duplicate({"handler": top_async}) == {"handler": top_async}


@_BOUND
def test_copying_a_method_gives_the_method(name: str) -> None:
    method = getattr(_SHOP, name)
    assert copy.copy(method) == method
    assert _result(copy.copy(method)("one")) == _result(method("one"))


def test_a_deep_copy_of_a_method_is_bound_to_a_deep_copy_of_its_instance() -> None:
    """As for a plain method: the copy must not act on the original."""
    shop = Shop("a")
    holder = {"shop": shop, "sell": shop.method}
    twin = copy.deepcopy(holder)
    sell: Any = twin["sell"]
    assert twin["shop"] is not shop
    assert sell.__self__ is twin["shop"]
    shop.name = "renamed"
    assert sell("one") == ("a", "one")


@pytest.mark.parametrize("name", ["outer_class_method", "inner_class_method", "outer_static_method"])
def test_a_deep_copy_of_a_method_of_a_class_is_the_same_method(name: str) -> None:
    method = getattr(Shop, name)
    assert copy.deepcopy(method) == method
    assert copy.deepcopy(method)("one") == method("one")
