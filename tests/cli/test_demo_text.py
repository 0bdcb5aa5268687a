"""Numbers, names and times as people read them."""

import pytest

from tests.cli._frames import NOON
from vitalspan.cli._demo_text import age, duration, local_time, printable, short_name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0 µs"),
        (0.0000123, "12 µs"),
        (0.00123, "1.23 ms"),
        (0.0456, "45.6 ms"),
        (0.789, "789 ms"),
        (1.0, "1 s"),
        (12.34, "12.3 s"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3.0, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60.0, "1 min 0 s"), (3599.0, "59 min 59 s"), (7380.0, "2 h 3 min")],
)
def test_an_age_is_told_to_the_second(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("qualified", "short"), [("work", "work"), ("shop.sell", "shop.sell"), ("shop.web.Shop.sell", "Shop.sell")]
)
def test_a_qualified_name_is_shortened_to_two_parts(qualified: str, short: str) -> None:
    assert short_name(qualified) == short


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    """Whatever sends telemetry must not move the cursor, or hide a line."""
    assert printable("a\x1b[2Jb\r\nc\u202ed é") == "a [2Jb  c d é"


def test_times_are_those_of_the_clock_on_the_wall() -> None:
    assert local_time(NOON) == NOON.astimezone().strftime("%H:%M:%S")
