"""`vitalspan demo` as its user starts it, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vitalspan.cli import main
from vitalspan.cli._demo import _options
from vitalspan.dashboard import MemoryStore, Receiver

DEMO = [sys.executable, "-W", "error", "-m", "vitalspan", "demo"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment as unfriendly as a user's may be, whose temporary files can be looked at."""
    return {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "TERM": "xterm-256color",
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }


class Demo:
    """A running demo."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*DEMO, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        yield from self.process.stdout

    def changes(self) -> Iterator[tuple[str, str]]:
        """Yield each component and the status that it came into, as they are told."""
        for line in self.lines():
            told = json.loads(line)
            if told["type"] == "health_change":
                yield told["component"], told["status"]

    def end(self, number: int | None = None) -> tuple[int, str, str, float]:
        """Send a signal; return the exit code, the rest of what was told, the errors, and the seconds that it took."""
        began = time.monotonic()
        if number is not None:
            self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=30)
        return self.process.returncode, out, errors, time.monotonic() - began


def test_a_fault_and_its_recovery_arrive_and_ctrl_c_ends_it(environment: dict[str, str], tmp_path: Path) -> None:
    """The whole way: the checks find it, the pipeline sends it, the receiver takes it, the lines tell it."""
    demo = Demo(environment, "--json")
    wanted = iter([("database", "unhealthy"), ("database", "healthy")])
    awaited = next(wanted)
    for change in demo.changes():
        if change == awaited:
            awaited = next(wanted, ("", ""))
        if not awaited[0]:
            break
    code, rest, errors, seconds = demo.end(signal.SIGINT)
    assert (code, errors) == (0, "")
    assert seconds < 2.5
    told = [json.loads(line) for line in rest.splitlines()]
    assert {line["type"] for line in told} <= {"health_change", "component", "function"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("vitalspan")]


def test_seconds_end_it_and_every_function_has_arrived(environment: dict[str, str], tmp_path: Path) -> None:
    began = time.monotonic()
    code, out, errors, _ = Demo(environment, "--json", "--seconds", "3.5").end()
    assert (code, errors) == (0, "")
    assert 3.5 < time.monotonic() - began < 8
    told: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    components = {line["component"]: line for line in told if line["type"] == "component"}
    assert {name: line["status"] for name, line in components.items()} == dict.fromkeys(
        ("agent_system", "database", "runtime"), "healthy"
    )
    functions = {line["function"].rpartition(".")[2]: line for line in told if line["type"] == "function"}
    assert functions.keys() == {"place_order", "find_order", "pack_order"}
    assert 3 < functions["place_order"]["rate"] < 12
    assert 0 < functions["pack_order"]["p50"] < functions["pack_order"]["p95"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("vitalspan")]


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_a_reader_that_goes_away_ends_it_quietly(environment: dict[str, str], arguments: list[str]) -> None:
    demo = Demo(environment, *arguments)
    assert demo.process.stdout is not None
    assert demo.process.stdout.readline()
    demo.process.stdout.close()
    assert demo.process.wait(timeout=30) == 0
    assert demo.process.stderr is not None
    assert demo.process.stderr.read() == ""
    demo.process.stderr.close()


def test_without_a_terminal_it_prints_lines_and_sigterm_leaves_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    demo = Demo(environment)
    lines = demo.lines()
    assert next(lines).startswith("vitalspan demo: what arrived over OTLP/HTTP at http://127.0.0.1:")
    assert "unknown -> healthy" in next(lines)
    code, rest, errors, seconds = demo.end(signal.SIGTERM)
    assert (code, errors) == (0, "")
    assert seconds < 2.5
    assert "Shop.place_order" in rest
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("vitalspan")]


def test_ctrl_c_before_it_has_begun_ends_it_too(environment: dict[str, str]) -> None:
    """Python itself may still be starting, so this is the moment right after the file system is set up."""
    program = (
        "import signal, vitalspan.cli._demo as demo\n"
        "def interrupt(*_): signal.raise_signal(signal.SIGINT)\n"
        "demo._demo = interrupt\n"
        "raise SystemExit(demo.run([]))"
    )
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_telemetry_goes_to_another_collector(environment: dict[str, str]) -> None:
    del environment["OTEL_SDK_DISABLED"]
    environment["no_proxy"] = "127.0.0.1"
    store = MemoryStore()
    with Receiver(store.receive) as receiver:
        endpoint = receiver.endpoint
        code, out, errors, _ = Demo(environment, "--seconds", "3", "--endpoint", endpoint).end()
    assert (code, errors) == (0, "")
    title, *lines, end = out.splitlines()
    assert f"sending to {endpoint} over OTLP/HTTP as service.name 'vitalspan-demo'" in title
    assert any("agent_system healthy, database healthy, runtime healthy" in line for line in lines)
    assert end == "The last export was delivered."
    (service,) = store.snapshot()
    assert service.source.service == "vitalspan-demo"
    assert {component.status for component in service.components} == {"healthy"}
    assert len(service.functions) == 3


def test_what_another_collector_does_not_take_is_said(environment: dict[str, str]) -> None:
    del environment["OTEL_SDK_DISABLED"]
    began = time.monotonic()
    code, out, _, _ = Demo(environment, "--seconds", "1", "--endpoint", "http://127.0.0.1:9").end()
    assert time.monotonic() - began < 6
    assert code == 0
    assert "Not delivered" in out.splitlines()[-1]


def _in_a_terminal(environment: dict[str, str], command: list[str]) -> tuple[int, str]:
    """Run *command* with a terminal as its standard output; return its exit code and what it drew."""
    ours, theirs = os.openpty()
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break  # How a terminal tells that its other side was closed.
            if not chunk:
                break
            drawn += chunk
        os.close(ours)
        return process.wait(timeout=30), drawn.decode()


def test_in_a_terminal_it_draws(environment: dict[str, str]) -> None:
    code, drawn = _in_a_terminal(environment | {"COLUMNS": "120", "LINES": "40"}, [*DEMO, "--seconds", "3"])
    assert code == 0
    screen, _, left = drawn.rpartition("\x1b[?1049l")
    assert "Nothing has arrived yet." in screen
    assert "Shop.place_order" in screen
    assert "● healthy" in left
    assert "Traceback" not in drawn


def test_in_a_terminal_that_cannot_draw_it_prints_lines(environment: dict[str, str]) -> None:
    code, drawn = _in_a_terminal(environment | {"TERM": "dumb"}, [*DEMO, "--seconds", "2"])
    assert code == 0
    assert "\x1b" not in drawn
    assert "database: unknown -> healthy" in drawn


def test_without_rich_the_terminal_view_says_what_to_install(environment: dict[str, str]) -> None:
    program = "import sys; sys.modules['rich'] = None; from vitalspan.cli import main; raise SystemExit(main(['demo']))"
    code, drawn = _in_a_terminal(environment, [sys.executable, "-c", program])
    assert code == 1
    assert drawn == (
        "vitalspan: the terminal view of vitalspan demo needs an optional package: pip install 'vitalspan[cli]'\r\n"
    )


def test_without_rich_json_is_written_all_the_same(environment: dict[str, str]) -> None:
    program = (
        "import sys; sys.modules['rich'] = None; from vitalspan.cli import main; "
        "raise SystemExit(main(['demo', '--json', '--seconds', '2']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seconds", "0"], "'0' is not a number of seconds above 0"),
        (["--seconds", "-1"], "'-1' is not a number of seconds above 0"),
        (["--seconds", "inf"], "'inf' is not a number of seconds above 0"),
        (["--seconds", "nan"], "'nan' is not a number of seconds above 0"),
        (["--seconds", "soon"], "'soon' is not a number of seconds above 0"),
        (["--endpoint", "localhost:4318"], "'localhost:4318' is not the URL of a Collector"),
        (["--endpoint", "ftp://localhost"], "'ftp://localhost' is not the URL of a Collector"),
        (["--endpoint", "http://localhost:many"], "'http://localhost:many' is not the URL of a Collector"),
        (["--endpoint", "http://localhost:0"], "'http://localhost:0' is not the URL of a Collector"),
        (["--endpoint", "http://"], "'http://' is not the URL of a Collector"),
        (["--endpoint", "http://localhost:4318", "--json"], "not allowed with argument --endpoint"),
    ],
)
def test_arguments_that_cannot_be_used_are_explained(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *arguments])
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_arguments_that_can_be_used_are_taken() -> None:
    options = _options(["--seconds", "1.5", "--endpoint", "https://collector:4318"])
    assert (options.seconds, options.endpoint, options.is_json) == (1.5, "https://collector:4318", False)
    assert _options([]).seconds == float("inf")


def test_help_tells_how_it_ends_and_what_json_holds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "Ctrl-C ends it; the exit code is 0 then" in told
    assert 'type "health_change"' in told
