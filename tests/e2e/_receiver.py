"""What every OTLP receiver of the end-to-end tests offers, and how one is started and stopped."""

import contextlib
import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

from tests.e2e._received import Received

T = TypeVar("T")

_STARTING_TAKES = 20.0
_STOPPING_TAKES = 10.0
_POLLING = 0.02


class Receiver(ABC):
    """A program that receives OTLP over HTTP and gRPC on free loopback ports, and tells what it got.

    It keeps its ports and what it got when it is stopped and started again. Use it as a context manager.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.http_endpoint = f"http://{free_address()}"
        self.grpc_endpoint = f"http://{free_address()}"

    @abstractmethod
    def received(self) -> Received:
        """Return what has arrived so far."""

    @abstractmethod
    def _command(self) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        """Return the command line, and what is added to the environment."""

    @abstractmethod
    def _is_up(self) -> bool:
        """Tell whether it is ready to receive."""

    @property
    def log(self) -> str:
        """What the program has written."""
        return self._log_file.read_text() if self._log_file.exists() else ""

    @property
    def _log_file(self) -> Path:
        return self._folder / "log.txt"

    def wait_for(self, find: Callable[[Received], T | None], timeout: float = 10.0) -> T:
        """Return what *find* finds in what has arrived, as soon as it is truthy; give up after *timeout* seconds."""
        deadline = time.monotonic() + timeout
        while True:
            received = self.received()
            if found := find(received):
                return found
            if time.monotonic() > deadline:
                message = f"not there after {timeout} s; what has arrived is {received}"
                raise AssertionError(message)
            time.sleep(_POLLING)

    def start(self) -> None:
        command, environment = self._command()
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _STARTING_TAKES
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                message = f"{command[0]} did not start; it wrote:\n{self.log}"
                raise RuntimeError(message)
            time.sleep(_POLLING)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOPPING_TAKES)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_address() -> str:
    """Return a loopback address that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def address_of(url: str) -> str:
    return urlsplit(url).netloc


def is_listening(url: str) -> bool:
    parts = urlsplit(url)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname, parts.port), timeout=1):
        return True
    return False
