"""How a pipeline flushes and ends."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from vitalspan.pipeline import Pipeline
from vitalspan.pipeline._export import Exports
from vitalspan.pipeline._lifecycle import Route


class Done:
    """A route that counts what is asked of it, and fails or hangs as told."""

    def __init__(self, *, fails: bool = False, hangs: threading.Event | None = None) -> None:
        self.flushed = self.ended = 0
        self._exports = Exports("traces")
        self._exporter = self._exports.watch(self)
        self._fails = fails
        self._hangs = hangs
        self.route = Route(object(), is_joined=False, exports=self._exports, flush=self._flush, shutdown=self._end)

    def export(self, batch: object) -> None:
        if self._fails:
            raise OSError("unplugged")

    def _flush(self) -> None:
        self.flushed += 1
        if self._hangs:
            self._hangs.wait()
        with contextlib.suppress(OSError):  # As the SDK does: force_flush says that all is well.
            self._exporter.export([])

    def _end(self) -> None:
        self.ended += 1
        self._flush()


def test_a_flush_says_what_was_not_delivered() -> None:
    good, bad = Done(), Done(fails=True)
    pipeline = Pipeline({"traces": good.route, "metrics": bad.route}, shutdown_timeout=1)
    result = pipeline.flush(timeout=1)
    assert result.undelivered == {"metrics": "OSError: unplugged"}
    assert (good.flushed, bad.flushed) == (1, 1)
    pipeline.shutdown()


def test_a_failure_of_long_ago_does_not_spoil_a_flush() -> None:
    done = Done(fails=True)
    pipeline = Pipeline({"traces": done.route}, shutdown_timeout=1)
    assert not pipeline.flush()
    done._fails = False
    assert pipeline.flush()
    pipeline.shutdown()


def test_a_flush_keeps_its_deadline() -> None:
    release = threading.Event()
    done = Done(hangs=release)
    pipeline = Pipeline({"traces": done.route}, shutdown_timeout=0.1)
    begin = time.monotonic()
    assert pipeline.flush(timeout=0.1).undelivered == {"traces": "not finished in time"}
    assert not pipeline.shutdown()
    assert time.monotonic() - begin < 1
    release.set()


def test_a_pipeline_ends_once() -> None:
    done = Done()
    pipeline = Pipeline({"traces": done.route}, shutdown_timeout=1)
    assert pipeline.shutdown(timeout=1)
    assert pipeline.is_shut_down
    assert pipeline.shutdown()
    assert pipeline.flush()
    assert (done.ended, done.flushed) == (1, 1)


def test_what_was_lost_at_the_end_stays_lost() -> None:
    pipeline = Pipeline({"traces": Done(fails=True).route}, shutdown_timeout=1)
    assert not pipeline.shutdown()
    assert pipeline.shutdown().undelivered == pipeline.flush().undelivered == {"traces": "OSError: unplugged"}


def test_an_export_that_hangs_has_had_a_part_of_the_time_for_ending() -> None:
    """Otherwise a flush and then the exit would each wait their full time for the same dead Collector."""
    release = threading.Event()
    pipeline = Pipeline({"traces": Done(hangs=release).route}, shutdown_timeout=1)
    begin = time.monotonic()
    assert not pipeline.flush(timeout=0.6)
    assert not pipeline.shutdown()
    assert time.monotonic() - begin < 1.4
    release.set()


def test_flushes_at_the_same_time_are_all_told_the_truth() -> None:
    release = threading.Event()
    done = Done(hangs=release)
    pipeline = Pipeline({"traces": done.route}, shutdown_timeout=1)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(pipeline.flush, 5) for _ in range(4)]
        while not done.flushed:
            time.sleep(0.001)
        release.set()
        assert all(result.result() for result in results)
    assert 1 <= done.flushed <= 4
    pipeline.shutdown()


def test_routes_cannot_be_changed_from_outside() -> None:
    routes = {"traces": Done().route}
    pipeline = Pipeline(routes, shutdown_timeout=1)  # type: ignore[arg-type]  # a dict's keys are str to a checker
    routes.clear()
    assert list(pipeline.routes) == ["traces"]
    pipeline.shutdown()
