"""The estimates, on numbers that can be worked out by hand."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dashboard._arriving import BOUNDS, at, calls
from vitalspan.dashboard import CallsPoint, quantile
from vitalspan.dashboard._estimate import Increment, add_buckets, increment


@pytest.mark.parametrize(
    ("fraction", "counts", "expected"),
    [
        (0.5, (10, 0, 0, 0), 0.05),  # the middle of the first bucket, which begins at zero
        (0.5, (0, 10, 0, 0), 0.15),
        (0.5, (2, 4, 4, 0), 0.175),  # rank 5 of 10 is the third of four in 0.1 to 0.2
        (0.95, (2, 4, 4, 0), 0.375),  # rank 9.5 is 3.5 of four in 0.2 to 0.4
        (0.95, (50, 50, 0, 0), 0.19),
        (0.5, (50, 0, 50, 0), 0.1),  # exactly at a boundary
        (1.0, (0, 1, 0, 0), 0.2),
        (0.0, (0, 4, 0, 0), 0.1),  # the least value lies at the lower boundary of the first bucket that has any
        (0.95, (0, 0, 0, 7), 0.4),  # of the last bucket only its lower boundary is known
        (0.5, (9, 0, 0, 1), 0.1 * 5 / 9),
    ],
)
def test_a_quantile_is_interpolated_within_its_bucket(
    fraction: float, counts: tuple[int, ...], expected: float
) -> None:
    assert quantile(fraction, BOUNDS, counts) == pytest.approx(expected)


@pytest.mark.parametrize(("bounds", "counts"), [(BOUNDS, (0, 0, 0, 0)), ((), (3,)), ((), ())])
def test_without_values_or_boundaries_there_is_no_quantile(bounds: tuple[float, ...], counts: tuple[int, ...]) -> None:
    assert quantile(0.5, bounds, counts) is None


def test_a_first_bucket_that_ends_below_zero_reads_as_its_boundary() -> None:
    assert quantile(0.5, (-1.0, 1.0), (4, 0, 0)) == -1.0


@given(
    counts=st.lists(st.integers(0, 10_000), min_size=4, max_size=4).filter(any),
    fractions=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted),
)
def test_quantiles_never_fall_and_never_leave_the_boundaries(counts: list[int], fractions: list[float]) -> None:
    lower, upper = (quantile(fraction, BOUNDS, counts) for fraction in fractions)
    assert lower is not None
    assert upper is not None
    assert 0 <= lower <= upper + 1e-12 <= BOUNDS[-1] + 1e-12


def test_a_cumulative_point_adds_what_it_has_more_than_the_one_before() -> None:
    gained = increment(calls(2, 5, 1, 0, 2), calls(1, 3, 1, 0, 0), watched_since=at(1), window=10)
    assert gained == Increment(at(1), at(2), BOUNDS, (2, 0, 0, 2))
    assert gained is not None
    assert (gained.calls, gained.duration) == (4, 1.0)


@pytest.mark.parametrize(
    "current",
    [
        calls(20, 4, 0, 0, 0, start=15),  # it began anew
        calls(20, 4, 0, 0, 0, start=0),  # it counts less
        calls(20, 4, 0, start=0, bounds=(1.0, 2.0)),  # it counts other things
    ],
)
def test_after_a_reset_everything_is_new(current: CallsPoint) -> None:
    gained = increment(current, calls(10, 9, 0, 0, 0), watched_since=at(10), window=10)
    assert gained is not None
    assert gained.calls == 4
    assert gained.start == max(current.start, at(10))


def test_a_point_that_is_not_newer_adds_nothing() -> None:
    """A request may be sent again, or overtaken by the next one."""
    previous = calls(10, 9, 0, 0, 0)
    assert increment(previous, previous, watched_since=at(10), window=10) is None
    assert increment(calls(9, 8, 0, 0, 0), previous, watched_since=at(10), window=10) is None


def test_a_delta_point_is_what_it_says() -> None:
    gained = increment(
        calls(2, 1, 0, 0, 0, start=1, is_delta=True), calls(1, 9, 0, 0, 0), watched_since=at(1), window=10
    )
    assert gained == Increment(at(1), at(2), BOUNDS, (1, 0, 0, 0))


@pytest.mark.parametrize(("watched_since", "start"), [(at(1), at(1)), (None, at(2))])
def test_a_delta_point_without_a_start_reaches_back_to_the_collection_before(
    watched_since: datetime | None, start: datetime
) -> None:
    point = calls(2, 1, 0, 0, 0, start=None, is_delta=True)
    gained = increment(point, None, watched_since=watched_since, window=10)
    assert gained is not None
    assert gained.start == start


def test_the_first_point_of_a_process_that_just_started_is_all_new() -> None:
    gained = increment(calls(3, 6, 0, 0, 0), None, watched_since=None, window=10)
    assert gained == Increment(at(0), at(3), BOUNDS, (6, 0, 0, 0))


def test_the_first_point_of_a_process_that_ran_long_is_only_a_base() -> None:
    """Its calls happened at unknown times, so none of them may count as recent."""
    assert increment(calls(3600, 6, 0, 0, 0), None, watched_since=None, window=10) is None
    # Points of one collection share their time, so the one before this one is not an earlier collection.
    assert increment(calls(3600, 6, 0, 0, 0), None, watched_since=at(3600), window=10) is None


def test_a_new_series_of_a_watched_process_is_all_new() -> None:
    """The first error after hours is one error, even if the sender starts all its series with the process."""
    gained = increment(calls(3600, 1, 0, 0, 0), None, watched_since=at(3599), window=10)
    assert gained == Increment(at(3599), at(3600), BOUNDS, (1, 0, 0, 0))


def test_buckets_are_added_where_their_boundaries_agree() -> None:
    alike = Increment(at(0), at(1), (1.0,), (1, 2))
    other = Increment(at(0), at(1), (2.0,), (50, 50))
    assert add_buckets([alike, other, alike]) == ((1.0,), (2, 4))
    assert add_buckets([]) == ((), (0,))
