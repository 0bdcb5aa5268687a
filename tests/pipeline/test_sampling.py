"""Which spans are kept."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler
from opentelemetry.trace import SpanKind

from vitalspan import ConfigurationError
from vitalspan.pipeline import Settings
from vitalspan.pipeline._sampling import HealthChangeSampler, new_sampler


def keeps(sampler: Sampler, trace_id: int, name: str = "request", **attributes: str) -> bool:
    result = sampler.should_sample(None, trace_id, name, SpanKind.INTERNAL, attributes)
    return result.decision is Decision.RECORD_AND_SAMPLE


def test_a_change_of_health_is_kept_whatever_the_sampler_says() -> None:
    """The few spans that say when a component failed must not fall victim to a ratio."""
    sampler = HealthChangeSampler(ALWAYS_OFF)
    change = {"health.previous_status": "healthy", "health.status": "unhealthy"}
    assert keeps(sampler, 1, "health.check database", **change)
    assert not keeps(sampler, 1, "health.check database", **{"health.status": "unhealthy"})
    assert not keeps(sampler, 1, "request", **change)
    assert "AlwaysOff" in sampler.get_description()


LOW, HIGH = 1, 2**64 - 1


@pytest.mark.parametrize(
    ("arguments", "environ", "kept"),
    [
        ({}, {}, (True, True)),
        ({"sampler": 0.5}, {}, (True, False)),
        ({"sampler": 0}, {}, (False, False)),
        ({"sampler": ALWAYS_OFF}, {}, (False, False)),
        ({"sampler": "always_off"}, {"OTEL_TRACES_SAMPLER": "always_on"}, (False, False)),
        ({"sampler": "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG": "0.5"}, (True, False)),
        ({}, {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, (True, True)),
        ({}, {"OTEL_TRACES_SAMPLER": "TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, (True, False)),
    ],
)
def test_the_sampler_is_given_as_ratio_name_or_object(
    arguments: dict[str, Any],
    environ: dict[str, str],
    kept: tuple[bool, bool],
) -> None:
    sampler = new_sampler(Settings(environ=environ, **arguments))
    assert (keeps(sampler, LOW), keeps(sampler, HIGH)) == kept


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        ({"sampler": 1.5}, {}, "sampler is 1.5"),
        ({"sampler": True}, {}, "sampler is True"),
        ({"sampler": "sometimes"}, {}, "sampler is 'sometimes'"),
        ({}, {"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER is 'sometimes'"),
        (
            {},
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"},
            "OTEL_TRACES_SAMPLER_ARG is 'half'",
        ),
    ],
)
def test_a_sampler_that_there_is_not_is_refused(arguments: dict[str, Any], environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        new_sampler(Settings(environ=environ, **arguments))
    assert named in str(raised.value)
