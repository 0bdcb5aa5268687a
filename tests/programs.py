"""Programs that tests run in a process of their own, because global providers can be set only once in one."""

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from tests.e2e._received import Received, decode
from vitalspan.dashboard import ExportRequest, Receiver


@dataclass(frozen=True)
class Ran:
    """What a program did: the JSON of each line that it printed, what it logged, and when it was gone."""

    printed: list[Any]
    log: str
    ended: float


def run_program(*sources: str, **environ: str) -> Ran:
    """Run *sources*, one after the other, without any `OTEL_*` variable but *environ*; demand that it ends well."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    source = "\n".join(map(textwrap.dedent, sources))
    ended = subprocess.run(
        [sys.executable, "-c", _PREAMBLE + source],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=_LONGEST,
        check=False,
    )
    gone = time.time()
    assert ended.returncode == 0, ended.stderr
    return Ran([json.loads(line) for line in ended.stdout.splitlines()], ended.stderr, gone)


_LONGEST = 30.0
"""Seconds that a program may take."""

_PREAMBLE = """
import json, logging, time
logging.basicConfig(level=logging.INFO)
def show(*values): print(json.dumps(values if len(values) > 1 else values[0], default=str), flush=True)
"""


class Sink:
    """An OTLP receiver in this process that keeps what arrives."""

    def __init__(self) -> None:
        self._requests: list[ExportRequest] = []
        self._receiver = Receiver(self._requests.append)

    @property
    def endpoint(self) -> str:
        return self._receiver.endpoint

    @property
    def received(self) -> Received:
        return decode(list(self._requests))

    def __enter__(self) -> Self:
        self._receiver.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.stop()


def environment(sink: Sink, **more: str) -> Mapping[str, str]:
    """Return the variables that send telemetry to *sink*."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, **more}
