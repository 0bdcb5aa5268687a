"""What becomes of exports is told truthfully, in time."""

import threading
import time
from collections.abc import Callable
from enum import Enum

import pytest

from vitalspan._guard import LEDGER
from vitalspan.pipeline import FlushResult
from vitalspan.pipeline._export import Desk, Exports, wait_for
from vitalspan.pipeline._settings import SIGNALS, Signal


class Result(Enum):
    SUCCESS = 0
    FAILURE = 1


class Exporter:
    """Answers as it is told."""

    def __init__(self, *answers: Result | Exception) -> None:
        self._answers = iter(answers)

    def export(self, batch: object) -> Result:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_failed_exports_are_counted_with_the_last_reason() -> None:
    before = dict(LEDGER.failures())
    exports = Exports("logs")
    exporter = exports.watch(Exporter(Result.SUCCESS, Result.FAILURE, OSError("unplugged")))
    assert exporter.export([]) is Result.SUCCESS
    assert exports.failures == 0
    assert exporter.export([]) is Result.FAILURE
    assert exports.failures == 1
    with pytest.raises(OSError, match="unplugged"):
        exporter.export([])
    assert (exports.failures, exports.last_failure) == (2, "OSError: unplugged")
    after = LEDGER.failures()
    assert after["logs", "export_failed"] == before.get(("logs", "export_failed"), 0) + 1
    assert after["logs", "OSError"] == before.get(("logs", "OSError"), 0) + 1


@pytest.fixture(name="desks")
def _desks() -> dict[Signal, Desk]:
    return {signal: Desk(signal) for signal in SIGNALS}


def test_everything_runs_at_the_same_time_and_what_hangs_is_left_behind(desks: dict[Signal, Desk]) -> None:
    release, together = threading.Event(), threading.Barrier(2, timeout=5)
    begin = time.monotonic()

    def fail() -> None:
        together.wait()
        raise ValueError("no")

    work: dict[Signal, Callable[[], object]] = {"traces": together.wait, "metrics": fail, "logs": release.wait}
    wrong = wait_for({signal: desks[signal].join(do) for signal, do in work.items()}, timeout=0.2)
    assert time.monotonic() - begin < 1
    assert wrong == {"metrics": "ValueError: no", "logs": "not finished in time"}
    assert desks["traces"].hanging_since is None
    hanging_since = desks["logs"].hanging_since
    assert hanging_since is not None
    assert begin <= hanging_since <= time.monotonic()
    release.set()


def test_one_job_that_waits_serves_everybody_who_asks_meanwhile(desks: dict[Signal, Desk]) -> None:
    """A flush that has not begun sends what was recorded until then too; and no endless queue builds up."""
    release, done = threading.Event(), list[str]()
    hanging = desks["logs"].join(release.wait)
    while not hanging.is_under_way:
        time.sleep(0.001)
    waiting = desks["logs"].join(lambda: done.append("first"))
    assert desks["logs"].join(lambda: done.append("second")) is waiting
    last = desks["logs"].add(lambda: done.append("last"))
    release.set()
    assert (waiting.wait(5), last.wait(5)) == ("", "")
    assert done == ["first", "last"]


def test_a_result_is_true_when_everything_was_delivered() -> None:
    assert FlushResult()
    assert not FlushResult({"traces": "not finished"})
