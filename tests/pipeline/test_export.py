"""What becomes of exports is told truthfully, in time."""

import threading
import time
from enum import Enum

import pytest

from vitalspan._guard import LEDGER
from vitalspan._threads import Worker
from vitalspan.pipeline._export import Exports, FlushResult, run_all
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


def test_everything_runs_at_the_same_time_and_what_hangs_is_left_behind() -> None:
    release, together = threading.Event(), threading.Barrier(2, timeout=5)
    workers: dict[Signal, Worker] = {signal: Worker(signal) for signal in SIGNALS}
    begin = time.monotonic()

    def fail() -> None:
        together.wait()
        raise ValueError("no")

    wrong = run_all({"traces": together.wait, "metrics": fail, "logs": release.wait}, workers, timeout=0.2)
    assert time.monotonic() - begin < 1
    assert wrong == {"metrics": "ValueError: no", "logs": "not finished in time"}
    # What hangs may be followed by one more job, for when it comes back, and not by an endless queue.
    assert run_all({"logs": release.wait}, workers, timeout=0.01) == {"logs": "not finished in time"}
    assert run_all({"logs": fail}, workers, timeout=0.01) == {"logs": "not finished in time"}
    release.set()
    while workers["logs"].is_backed_up:
        time.sleep(0.001)
    assert run_all({"logs": release.wait}, workers, timeout=5) == {}


def test_a_result_is_true_when_everything_was_delivered() -> None:
    assert FlushResult()
    assert not FlushResult({"traces": "not finished"})
