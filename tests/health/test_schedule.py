"""When each check is due."""

from hypothesis import given
from hypothesis import strategies as st

from vitalspan.health._schedule import Schedule


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 20))), st.integers(0, 20))
def test_what_is_due_comes_once_the_longest_overdue_first(added: list[tuple[str, int]], now: int) -> None:
    schedule = Schedule()
    for component_id, due in added:
        schedule.add(component_id, due)
    last = dict(added)  # Adding again moves it.
    taken = schedule.take_due(now)
    assert sorted(taken) == sorted(each for each, due in last.items() if due <= now)
    assert [last[each] for each in taken] == sorted(last[each] for each in taken)
    assert schedule.next_due() == min((due for due in last.values() if due > now), default=None)
    assert schedule.take_due(now) == []


def test_what_is_due_together_comes_in_the_order_of_adding() -> None:
    schedule = Schedule()
    for component_id in ("b", "a", "c"):
        schedule.add(component_id, 1)
    assert schedule.take_due(1) == ["b", "a", "c"]
