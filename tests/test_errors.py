"""What vitalspan raises says what is wrong and what to do, and can be handed to another process."""

import copy
import pickle

import pytest

from vitalspan import (
    ConfigurationError,
    DuplicateCheckError,
    DuplicateInstrumentError,
    MissingExtraError,
    UnknownComponentError,
    VitalspanError,
)
from vitalspan._errors import error_type

_CASES: dict[str, tuple[VitalspanError, type[Exception], str]] = {
    "configuration": (
        ConfigurationError("flush_interval", -1, "give seconds above zero"),
        ValueError,
        "flush_interval is -1: give seconds above zero",
    ),
    "duplicate check": (
        DuplicateCheckError("database"),
        ValueError,
        (
            "a check for component 'database' is already registered: "
            "give this one another component id, or unregister the first"
        ),
    ),
    "duplicate instrument": (
        DuplicateInstrumentError("shop.orders", "counter in '{order}'", "gauge"),
        ValueError,
        "metric 'shop.orders' is already a counter in '{order}' and cannot also be a gauge: rename one of them",
    ),
    "missing extra": (
        MissingExtraError("the live view", "cli"),
        ImportError,
        "the live view needs an optional package: pip install 'vitalspan[cli]'",
    ),
    "unknown component": (
        UnknownComponentError("cash", ("cache", "database")),
        LookupError,
        "no check is registered for component 'cash'; registered are: 'cache', 'database'",
    ),
    "unknown component, none registered": (
        UnknownComponentError("cache", ()),
        LookupError,
        "no check is registered for component 'cache'; registered are: none yet",
    ),
}

_ERRORS = pytest.mark.parametrize(("error", "parent", "text"), _CASES.values(), ids=_CASES.keys())


@_ERRORS
def test_an_error_says_what_is_wrong_and_what_to_do(error: VitalspanError, parent: type[Exception], text: str) -> None:
    assert str(error) == text


@_ERRORS
def test_an_error_is_caught_as_ours_and_as_the_builtin_that_it_is(
    error: VitalspanError, parent: type[Exception], text: str
) -> None:
    assert isinstance(error, VitalspanError)
    assert isinstance(error, parent)


@_ERRORS
@pytest.mark.parametrize("duplicate", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])  # noqa: S301 - our own bytes
def test_an_error_survives_pickling_and_copying_with_its_text_and_data(
    error: VitalspanError, parent: type[Exception], text: str, duplicate: "type[VitalspanError]"
) -> None:
    """A worker process hands its errors to its parent as pickles."""
    twin = duplicate(error)
    assert type(twin) is type(error)
    assert str(twin) == text
    assert vars(twin) == vars(error)
    assert vars(twin), "an error carries what it is about"


class LocalError(Exception):
    class InnerError(Exception):
        pass


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("x"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (LocalError(), f"{__name__}.LocalError"),
        (LocalError.InnerError(), f"{__name__}.LocalError.InnerError"),
        (pickle.PicklingError(), "_pickle.PicklingError"),
    ],
)
def test_error_type_is_the_qualified_class_unless_it_is_built_in(error: BaseException, name: str) -> None:
    assert error_type(error) == name


def test_a_password_in_a_value_is_not_repeated() -> None:
    """A connection string where a connection belongs is a common mistake, and errors end up in logs."""
    error = ConfigurationError("database", "postgresql://shop:hunter2@db/orders", "give a connection")
    assert "hunter2" not in str(error)
    assert "shop:***@db/orders" in str(error)
