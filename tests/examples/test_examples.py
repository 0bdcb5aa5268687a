"""Every example runs, and what it sends arrives."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.e2e._receiver import free_address
from tests.programs import Sink, environment

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, sink: Sink) -> str:
    ended = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env={**os.environ, **environment(sink)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert not ended.stderr
    return ended.stdout


def test_plain_script(sink: Sink) -> None:
    assert run_example("plain_script.py", sink) == "database is healthy\n"
    received = sink.received
    assert [span.name for span in received.spans_named("import_orders")] == ["import_orders"] * 5
    assert received.points_of("importer.orders")[-1].value == 500
    assert received.points_of("health.check.runs")


def test_asyncio_worker(sink: Sink) -> None:
    assert run_example("asyncio_worker.py", sink) == "jobs are degraded\njobs are healthy\n"
    received = sink.received
    assert len(received.spans_named("handle")) == 60
    changes = [
        (event.attributes["health.previous_status"], event.attributes["health.status"])
        for span in received.spans_named("health.check jobs")
        for event in span.events
    ]
    assert ("degraded", "healthy") in changes


def test_asgi_service(sink: Sink) -> None:
    """A server that is told to end sends what it has, although it does not run exit handlers."""
    address = free_address()
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "examples.asgi_service:app", "--port", address.rpartition(":")[2]],
        env={**os.environ, **environment(sink)},
        cwd=EXAMPLES.parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until_healthy(f"http://{address}/health")
        assert httpx.get(f"http://{address}/price/chair").json() == {"price": 5}
        server.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        _, log = server.communicate(timeout=10)
        assert time.monotonic() - begin < 3
        assert "Traceback" not in log
    finally:
        server.kill()
    received = sink.received
    assert [span.name for span in received.spans_named("price_of")] == ["price_of"]
    statuses = {point.attributes["health.status"]: point.value for point in received.points_of("health.check.status")}
    assert statuses["healthy"] == 1


def wait_until_healthy(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if httpx.get(url).json() == {"stock": "healthy"}:
                return
        except httpx.TransportError:
            pass  # Not listening yet.
        time.sleep(0.05)
    raise AssertionError(f"{url} did not become healthy")
