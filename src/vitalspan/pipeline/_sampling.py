"""Which spans are kept: what the user chose, and every change of health."""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from vitalspan import _names
from vitalspan._errors import ConfigurationError
from vitalspan.pipeline._settings import Settings

__all__ = ["HealthChangeSampler", "new_sampler"]


class HealthChangeSampler(Sampler):
    """Keeps every span of a change of health, and asks another sampler about the rest.

    A ratio is chosen to save money on requests; the few spans that say when a component failed must not
    fall victim to it.
    """

    def __init__(self, delegate: Sampler) -> None:
        """Ask *delegate* about everything that is not a change of health."""
        self._delegate = delegate

    def should_sample(  # noqa: PLR0917 - the SDK calls it by position
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about one span that begins."""
        if attributes and name.startswith(_names.CHECK_SPAN) and _names.PREVIOUS_STATUS in attributes:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, trace_state)
        return self._delegate.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Return what the sampler is called in logs."""
        return f"HealthChangeSampler({self._delegate.get_description()})"


def new_sampler(settings: Settings) -> Sampler:
    """Return the sampler that *settings* ask for.

    Raises:
        ConfigurationError: There is none of that name, or its argument cannot be used.
    """
    if isinstance(settings.sampler, Sampler):
        return HealthChangeSampler(settings.sampler)
    if settings.sampler is not None and not isinstance(settings.sampler, str):
        return HealthChangeSampler(ParentBasedTraceIdRatio(_ratio("sampler", settings.sampler)))
    what, name, argument = settings.sampler_name()
    chosen = next(iter(entry_points(group="opentelemetry_traces_sampler", name=name)), None)
    if chosen is None:
        known = ", ".join(sorted(entry_points(group="opentelemetry_traces_sampler").names))
        raise ConfigurationError(what, name, f"give a ratio from 0 to 1, a Sampler, or one of {known}")
    factory: Callable[[object], Sampler] = chosen.load()
    if name.endswith("traceidratio"):
        return HealthChangeSampler(factory(_ratio("OTEL_TRACES_SAMPLER_ARG", argument or "1")))
    return HealthChangeSampler(factory(argument or None))


def _ratio(what: str, value: object) -> float:
    try:
        ratio = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ConfigurationError(what, value, "give the share of traces to keep, from 0 to 1")
    return ratio
