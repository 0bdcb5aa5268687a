"""What arrived, live in the terminal. The only file that needs rich."""

from collections.abc import Sequence
from typing import Final, Literal

from vitalspan._errors import MissingExtraError
from vitalspan.cli._demo_text import Frame, age, duration, local_time, printable, short_name
from vitalspan.dashboard import ComponentView, FunctionView, HealthEvent, ServiceView

try:
    from rich.console import Console, Group, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text
except ImportError as error:
    raise MissingExtraError("the terminal view of vitalspan demo", "cli") from error

__all__ = ["LiveView", "render"]

_MOST_EVENTS: Final = 8
_FEWEST_EVENTS: Final = 2
# Of the picture of one service: all lines but those of its components, functions and events.
_OTHER_LINES: Final = 10
# Colour is never the only sign: some people do not see it, and some terminals do not show it.
_STATUSES: Final = {
    "healthy": ("● healthy", "green"),
    "degraded": ("▲ degraded", "yellow"),
    "unhealthy": ("✖ unhealthy", "bold red"),
    "unknown": ("? unknown", "dim"),
}


class LiveView:
    """Draws what arrived over the whole terminal, again and again, and leaves the last picture behind."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        """Draw on *console*, by default standard output, with *title* at the top."""
        self._title = title
        self._console = console or Console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._last: RenderableType = ""

    def open(self) -> None:
        """Take the terminal over."""
        self._live.start()

    def show(self, frame: Frame) -> None:
        """Draw *frame*."""
        self._last = render(frame, self._title, height=self._console.height)
        self._live.update(self._last, refresh=True)

    def close(self) -> None:
        """Give the terminal back, and print the last picture into it."""
        self._live.stop()
        self._console.print(self._last)


def render(frame: Frame, title: str, *, height: int) -> RenderableType:
    """Return *frame* as a picture with *title* at the top.

    Args:
        frame: What to show.
        title: The first line.
        height: The lines that there are to draw on; older health events are left out to fit in.
    """
    fault = f"Broken on purpose right now: {frame.fault}" if frame.fault else "Nothing is broken on purpose right now"
    head = Text.assemble(
        (title, "bold"),
        f"\nRunning for {age(frame.elapsed)}. Ctrl-C ends it.\n",
        (f"{fault}.", "magenta" if frame.fault else "dim"),
    )
    if not frame.services:
        return Group(head, Text("\nNothing has arrived yet.", style="dim"))
    return Group(head, *(_service(service, frame, height) for service in frame.services))


def _service(service: ServiceView, frame: Frame, height: int) -> RenderableType:
    silent = (frame.now - service.last_arrival).total_seconds()
    heading = Text(f"\n{printable(service.source.service)}", style="bold")
    heading.append(f"  last heard of {age(silent)} ago", style="dim")
    used = _OTHER_LINES + len(service.components) + len(service.functions)
    most_events = min(_MOST_EVENTS, max(_FEWEST_EVENTS, height - used))
    return Group(
        heading,
        _components(service.components, frame),
        "",
        _functions(service.functions),
        "",
        _events(service.events[-most_events:]),
    )


def _components(components: Sequence[ComponentView], frame: Frame) -> Table:
    table = _table(("component", 14), ("status", 12), ("since", 9), ("for", 11), ("found", None))
    # The one text that must be readable in full: it says what is wrong.
    table.columns[-1].no_wrap = False
    for component in components:
        seconds = (frame.now - component.since).total_seconds()
        since = local_time(component.since)
        status = _status(component.status)
        table.add_row(_plain(component.component), status, since, age(seconds), _plain(component.message))
    return table


def _functions(functions: Sequence[FunctionView]) -> Table:
    numbers = (("calls/s", 8), ("p50", 8), ("p95", 8), ("errors now", 11), ("in all", 7))
    table = _table(("function", None), *numbers, right=len(numbers))
    for function in functions:
        table.add_row(
            _plain(short_name(function.function)),
            f"{function.rate:.1f}",
            duration(function.p50),
            duration(function.p95),
            Text(f"{function.errors} of {function.calls}", style="red" if function.errors else "dim"),
            str(function.total_errors),
        )
    return table


def _events(events: Sequence[HealthEvent]) -> Table:
    table = _table(("health event", 14), ("was", 12), ("became", 12), ("at", 9), ("found", None))
    for event in reversed(events):
        was, became = _status(event.previous_status), _status(event.status)
        table.add_row(_plain(event.component), was, became, local_time(event.time), _plain(event.message))
    return table


def _table(*columns: tuple[str, int | None], right: int = 0) -> Table:
    """Return an empty table.

    Args:
        columns: Their names, and their widths where they are fixed.
        right: How many of them, from the end, hold numbers.
    """
    table = Table(expand=True, box=None, padding=(0, 1, 0, 0), header_style="bold cyan")
    for index, (name, width) in enumerate(columns):
        justify: Literal["left", "right"] = "right" if index >= len(columns) - right else "left"
        table.add_column(name, justify=justify, width=width, ratio=None if width else 1, no_wrap=True)
    return table


def _plain(text: str) -> Text:
    # As Text, because rich would read a plain string for markup.
    return Text(printable(text))


def _status(status: str) -> Text:
    text, style = _STATUSES.get(status, (printable(status), ""))
    return Text(text, style=style)
