"""Types that every room shares."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["F", "Json", "TagValue", "Tags"]

TagValue = str | bool | int | float
"""What the value of one tag may be: the scalar attribute values of OpenTelemetry."""

Tags = Mapping[str, TagValue]
"""A metric's attributes."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What the standard library's `json` writes."""

F = TypeVar("F", bound=Callable[..., Any])
"""A decorated callable: a decorator gives back the type it was given."""
