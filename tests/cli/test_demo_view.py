"""The picture in the terminal, drawn into memory."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from tests.cli._frames import DATABASE, LOCKED, MENDED, SERVICE, frame
from vitalspan.cli._demo_text import Frame, local_time
from vitalspan.cli._demo_view import LiveView, render


def _draw(picture: Frame, *, width: int = 100, height: int = 40) -> str:
    console = Console(file=StringIO(), width=width)
    with console.capture() as capture:
        console.print(render(picture, "the title", height=height))
    return capture.get()


def test_everything_that_arrived_is_in_the_picture() -> None:
    text = _draw(frame(75.0, LOCKED, MENDED))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    since = local_time(LOCKED.time)
    assert lines[:3] == [
        "the title",
        "Running for 1 min 15 s. Ctrl-C ends it.",
        "Nothing is broken on purpose right now.",
    ]
    assert "shop last heard of 1 s ago" in lines
    assert f"database ✖ unhealthy {since} 10 s database is locked" in lines
    assert "Shop.sell 12.3 1.23 ms 250 ms 3 of 123 7" in lines
    assert "shop.buy 0.0 - - 0 of 0 0" in lines
    newest, oldest = lines[-2:]
    assert newest == f"database ✖ unhealthy ● healthy {local_time(MENDED.time)}"
    assert oldest == f"database ● healthy ✖ unhealthy {since} database is locked"


def test_what_is_broken_on_purpose_is_said() -> None:
    assert "Broken on purpose right now: a worker hangs." in _draw(frame(1.0, fault="a worker hangs"))


def test_before_anything_arrives_the_picture_says_so() -> None:
    assert "Nothing has arrived yet." in _draw(Frame((), frame(0).now, 0.5))


def test_a_status_of_another_sender_is_shown_as_it_is() -> None:
    service = replace(SERVICE, components=(replace(DATABASE, status="wobbly"),))
    assert "wobbly" in _draw(replace(frame(1.0), services=(service,)))


def test_what_arrived_is_never_read_as_markup_or_obeyed() -> None:
    event = replace(LOCKED, component="[red]x", message="[bold]\x1b[2Jnot bold")
    text = _draw(frame(1.0, event))
    assert "[red]x" in text
    assert "[bold] [2Jnot bold" in text


@pytest.mark.parametrize(("height", "events"), [(40, 8), (17, 4), (5, 2)])
def test_older_events_are_left_out_to_fit_the_terminal(height: int, events: int) -> None:
    many = tuple(replace(LOCKED, message=f"break {number}") for number in range(20))
    text = _draw(frame(1.0, *many), height=height)
    assert text.count("break ") == events
    assert "break 19" in text
    if height > 5:
        assert len(text.splitlines()) <= height


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_picture_fits_the_width(width: int) -> None:
    assert max(map(len, _draw(frame(1.0), width=width).splitlines())) <= width


def test_the_terminal_is_given_back_with_the_last_picture_in_it() -> None:
    out = StringIO()
    view = LiveView("the title", Console(file=out, force_terminal=True, width=100, height=40, _environ={}))
    view.open()
    view.show(frame(1.0))
    view.close()
    drawn, _, left = out.getvalue().partition("\x1b[?1049l")
    assert "\x1b[?1049h" in drawn
    assert "Shop.sell" in drawn
    assert "Shop.sell" in left
