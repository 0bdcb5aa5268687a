"""`vitalspan demo`: a small service that fails and recovers, and what arrives of it."""

import os
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

import vitalspan
from vitalspan._clock import SYSTEM_CLOCK
from vitalspan.cli._demo_json import JSON_HELP, JsonLines
from vitalspan.cli._demo_lines import LocalLines, PlainLines
from vitalspan.cli._demo_service import DemoService
from vitalspan.cli._demo_text import Frame, View
from vitalspan.dashboard import MemoryStore, Receiver

__all__ = ["run"]

_SERVICE_NAME: Final = "vitalspan-demo"
_REFRESH_SECONDS: Final = 0.25
_SHUTDOWN_SECONDS: Final = 0.8
_DESCRIPTION: Final = """\
Run a small service in this process - an HTTP endpoint, a database file, a pool of workers, and a customer -
in which every twenty seconds something really goes wrong and recovers. Its metrics, traces and health leave
over OTLP/HTTP to a receiver on a free port of this machine, and what arrived there is shown live.

Ctrl-C ends it; the exit code is 0 then, as after --seconds."""


@dataclass(frozen=True, slots=True)
class _Options:
    """What the command was asked for."""

    seconds: float
    endpoint: str | None
    is_json: bool


def run(arguments: Sequence[str]) -> int:
    """Run the demo and return the exit code.

    Args:
        arguments: What follows `vitalspan demo`.

    Raises:
        MissingExtraError: The live view was asked for, and rich is not installed.
        SystemExit: With code 2 for arguments that cannot be used.
    """
    options = _options(arguments)
    try:
        with (
            _signals_as_interrupts(),
            TemporaryDirectory(prefix="vitalspan-demo-", ignore_cleanup_errors=True) as folder,
        ):
            _demo(options, Path(folder))
    except BrokenPipeError:
        # What stays in the buffer would raise once more when the interpreter closes standard output.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    except KeyboardInterrupt:
        # It came before the demo had begun, or while it was ending.
        return 0
    return 0


def _demo(options: _Options, folder: Path) -> None:
    store = MemoryStore()
    service = DemoService(folder)
    with ExitStack() as stack:
        endpoint = options.endpoint or _receive(stack, store)
        view = _new_view(options, endpoint, service, store)
        vitalspan.configure(
            service_name=_SERVICE_NAME,
            endpoint=endpoint,
            protocol="http/protobuf",
            metric_export_interval=1.0,
            span_export_interval=0.5,
            start_monitor=False,
        )
        stack.callback(vitalspan.shutdown, _SHUTDOWN_SECONDS)
        begin = SYSTEM_CLOCK.monotonic()

        def show() -> None:
            clock = SYSTEM_CLOCK
            view.show(Frame(store.snapshot(), clock.now(), clock.monotonic() - begin, service.fault))

        view.open()
        stack.callback(view.close)
        with service:
            _repeat(show, options.seconds)
        delivered = vitalspan.shutdown(_SHUTDOWN_SECONDS)
        show()
    if options.endpoint is not None:
        print("The last export was delivered." if delivered else f"Not delivered: {dict(delivered.undelivered)}")


def _receive(stack: ExitStack, store: MemoryStore) -> str:
    """Start a receiver that lives as long as *stack*, and see to it that this process sends there."""
    # The demo shows the same on every machine, whatever telemetry and proxies its user has set up.
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        del os.environ[name]
    os.environ["no_proxy"] = "127.0.0.1"
    return stack.enter_context(Receiver(store.receive)).endpoint


def _new_view(options: _Options, endpoint: str, service: DemoService, store: MemoryStore) -> View:
    if options.endpoint is not None:
        title = (
            f"vitalspan demo: sending to {endpoint} over OTLP/HTTP as service.name {_SERVICE_NAME!r}. "
            "Below is what this process knows of itself. Ctrl-C ends it."
        )
        return LocalLines(sys.stdout, title, service.statuses)
    if options.is_json:
        return JsonLines(sys.stdout, store.window)
    title = f"vitalspan demo: what arrived over OTLP/HTTP at {endpoint}"
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return PlainLines(sys.stdout, title)
    from vitalspan.cli._demo_view import LiveView  # noqa: PLC0415 - only here is the optional package needed

    return LiveView(title)


def _repeat(show: Callable[[], None], seconds: float) -> None:
    """Call *show* several times a second, until *seconds* have passed or the user interrupts."""
    deadline = time.monotonic() + seconds
    with suppress(KeyboardInterrupt):
        while (remaining := deadline - time.monotonic()) > 0:
            show()
            time.sleep(min(_REFRESH_SECONDS, remaining))


@contextmanager
def _signals_as_interrupts() -> Generator[None]:
    """Have the signals that end a program do it the way Ctrl-C does, so that nothing is left behind."""
    names = ("SIGTERM", "SIGHUP")
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (getattr(signal, name, None) for name in names)
        if number is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _options(arguments: Sequence[str]) -> _Options:
    parser = ArgumentParser(
        prog="vitalspan demo",
        description=_DESCRIPTION,
        epilog=JSON_HELP,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=inf, metavar="N", help="end after N seconds (default: when interrupted)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--endpoint",
        type=_endpoint,
        metavar="URL",
        help="send to this OpenTelemetry Collector over OTLP/HTTP instead, for example http://localhost:4318",
    )
    where.add_argument("--json", action="store_true", help="print what arrived as JSON lines, for scripts")
    parsed = parser.parse_args(arguments)
    return _Options(parsed.seconds, parsed.endpoint, parsed.json)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not (isfinite(seconds) and seconds > 0):
        raise ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _endpoint(text: str) -> str:
    try:
        url = urlsplit(text)
        is_usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ArgumentTypeError(f"{text!r} is not the URL of a Collector, such as http://localhost:4318")
    return text
