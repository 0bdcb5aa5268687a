"""A failure of our own is counted always, said once, and never felt."""

import asyncio
import logging
import threading

import pytest

from tests.metrics._losses import Losses
from vitalspan import _guard
from vitalspan._guard import Guard, Ledger, describe, warn_once


class WordlessError(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such order"), "ValueError: no such order"),
        (ValueError(), "ValueError"),
        (WordlessError(), "WordlessError: (its text cannot be had: __str__ raised)"),
    ],
)
def test_describe_tells_class_and_text_whatever_str_does(error: Exception, text: str) -> None:
    assert describe(error) == text


def test_describe_lets_an_interrupt_through() -> None:
    class SlowError(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe(SlowError())


def test_a_guard_swallows_an_exception_and_keeps_it() -> None:
    losses = Losses()
    error = ValueError("x")
    with Guard("adding up", signal="guarded") as guard:
        raise error
    assert guard.error is error
    assert losses.of("guarded") == {"ValueError": 1}


def test_a_guard_around_a_block_that_works_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    losses = Losses()
    with Guard("adding up", signal="guarded") as guard:
        pass
    assert guard.error is None
    assert losses.of("guarded") == {}
    assert caplog.records == []


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_guard_lets_what_is_no_failure_through(kind: type[BaseException]) -> None:
    """Swallowing a cancellation would keep a task alive that was told to end."""
    losses = Losses()
    with pytest.raises(kind), Guard("adding up", signal="guarded"):
        raise kind
    assert losses.of("guarded") == {}


def test_a_guard_says_a_failure_once_and_then_only_to_who_listens_closely(caplog: pytest.LogCaptureFixture) -> None:
    losses = Losses()
    for error in (ValueError("first"), ValueError("second"), KeyError("other")):
        with Guard("adding up", signal="guarded"):
            raise error
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.DEBUG, logging.WARNING]
    assert caplog.records[0].getMessage() == "vitalspan failed at adding up; the program goes on"
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info and record.exc_info[1]] == [
        ("first",),
        ("second",),
        ("other",),
    ]
    assert losses.of("guarded") == {"ValueError": 2, "KeyError": 1}, "each is counted, also those not said"


def test_complaints_beyond_a_bound_are_quiet_so_that_memory_stays_flat(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(_guard._MOST_COMPLAINTS):
        warn_once(f"complaint {number}", "complaint")
    caplog.clear()
    warn_once("one too many", "complaint %d of %s", 1, "many")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.DEBUG, "complaint 1 of many")
    ]
    assert len(_guard._said) == _guard._MOST_COMPLAINTS


class BrokenHandler(logging.Handler):
    """A handler of the program's own, with a bug."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.calls += 1
        raise ValueError("the disk is full")


def test_a_handler_of_the_log_that_raises_is_not_felt() -> None:
    """The log is the program's: its handlers run wherever we complain, inside what the program calls."""
    handler = BrokenHandler()
    logger = logging.getLogger("vitalspan")
    logger.addHandler(handler)
    try:
        warn_once("anything", "complaint")
        with Guard("adding up", signal="guarded") as guard:
            raise KeyError
    finally:
        logger.removeHandler(handler)
    assert handler.calls == 2
    assert isinstance(guard.error, KeyError)


def test_the_ledger_adds_up_by_signal_and_reason() -> None:
    ledger = Ledger()
    ledger.drop("metrics", "cardinality")
    ledger.drop("metrics", "cardinality", 4)
    ledger.drop("traces", "queue_full", 2)
    ledger.fail("metrics", "TimeoutError")
    assert ledger.dropped() == {("metrics", "cardinality"): 5, ("traces", "queue_full"): 2}
    assert ledger.failures() == {("metrics", "TimeoutError"): 1}


def test_what_the_ledger_told_stays_as_it_was_told() -> None:
    ledger = Ledger()
    ledger.drop("metrics", "cardinality")
    dropped, failures = ledger.dropped(), ledger.failures()
    ledger.drop("metrics", "cardinality")
    ledger.fail("metrics", "TimeoutError")
    assert dropped == {("metrics", "cardinality"): 1}
    assert failures == {}


def test_the_ledger_is_exact_however_many_threads_lose_something() -> None:
    ledger = Ledger()
    together = threading.Barrier(8)

    def lose() -> None:
        together.wait()
        for _ in range(2000):
            ledger.drop("metrics", "cardinality", 3)
            ledger.fail("metrics", "TimeoutError")

    threads = [threading.Thread(target=lose) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.dropped() == {("metrics", "cardinality"): 8 * 2000 * 3}
    assert ledger.failures() == {("metrics", "TimeoutError"): 8 * 2000}
