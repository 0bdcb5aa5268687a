"""Gauges and events tell one story, in whatever order they arrive."""

from tests.dashboard._arriving import at, event, status
from vitalspan.dashboard._component import ComponentState, ComponentView


def _view(state: ComponentState) -> ComponentView:
    view = state.view()
    assert view is not None
    return view


def test_nothing_is_shown_of_what_nothing_is_known_of() -> None:
    assert ComponentState().view() is None


def test_a_gauge_alone_says_since_when_it_has_shown_the_status() -> None:
    state = ComponentState().after_point(status(1, "healthy")).after_point(status(2, "healthy"))
    assert _view(state) == ComponentView("database", "healthy", at(1), "", is_critical=True)


def test_a_gauge_that_changes_starts_anew() -> None:
    state = ComponentState().after_point(status(1, "healthy")).after_point(status(2, "unhealthy"))
    assert (_view(state).status, _view(state).since) == ("unhealthy", at(2))


def test_an_overtaken_gauge_changes_nothing() -> None:
    state = ComponentState().after_point(status(2, "unhealthy"))
    assert state.after_point(status(1, "healthy")) == state


def test_an_event_is_shown_before_the_gauge_confirms_it() -> None:
    state = ComponentState().after_point(status(1, "healthy")).after_event(event(1.5, "unhealthy"))
    assert _view(state) == ComponentView("database", "unhealthy", at(1.5), "it broke", is_critical=True)


def test_an_event_is_shown_without_any_gauge() -> None:
    assert _view(ComponentState().after_event(event(1, "degraded"))).status == "degraded"


def test_an_event_that_comes_after_its_gauge_says_when_and_why() -> None:
    state = ComponentState().after_point(status(1, "healthy")).after_point(status(2, "unhealthy"))
    view = _view(state.after_event(event(1.5, "unhealthy")))
    assert (view.since, view.message) == (at(1.5), "it broke")


def test_what_an_event_said_stays_while_the_gauge_agrees() -> None:
    state = ComponentState().after_event(event(1, "unhealthy")).after_point(status(2, "unhealthy"))
    view = _view(state.after_point(status(60, "unhealthy")))
    assert (view.since, view.message) == (at(1), "it broke")


def test_a_gauge_overrides_an_older_event() -> None:
    """The event of the recovery may be lost, or a status may have gone stale without one."""
    state = ComponentState().after_event(event(1, "unhealthy")).after_point(status(5, "unknown"))
    view = _view(state)
    assert (view.status, view.since, view.message) == ("unknown", at(5), "")


def test_an_event_of_an_earlier_change_says_nothing_about_this_one() -> None:
    state = ComponentState().after_event(event(1, "unhealthy"))
    for point in (status(2, "unhealthy"), status(10, "healthy"), status(20, "unhealthy")):
        state = state.after_point(point)
    view = _view(state)
    assert (view.status, view.since, view.message) == ("unhealthy", at(20), "")


def test_an_overtaken_event_changes_nothing() -> None:
    state = ComponentState().after_event(event(5, "healthy", "unhealthy"))
    assert state.after_event(event(1, "unhealthy")) == state
