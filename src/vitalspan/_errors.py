"""What vitalspan raises, and only while it is being set up.

* VitalspanError
  - ConfigurationError (ValueError): an argument or a variable that cannot be used
  - DuplicateCheckError (ValueError): two checks for one component
  - DuplicateInstrumentError (ValueError): one metric name, two kinds or units
  - MissingExtraError (ImportError): an optional dependency that is not installed
  - UnknownComponentError (LookupError): a component that no check is registered for

Each carries what it is about as attributes and builds its text late, so that it survives pickling.
"""

from vitalspan._redact import redacted

__all__ = [
    "ConfigurationError",
    "DuplicateCheckError",
    "DuplicateInstrumentError",
    "MissingExtraError",
    "UnknownComponentError",
    "VitalspanError",
    "error_type",
]


class VitalspanError(Exception):
    """The root of everything that vitalspan raises."""


class ConfigurationError(VitalspanError, ValueError):
    """An argument or an environment variable has a value that cannot be used.

    Attributes:
        what: The name of the argument or the variable.
        value: What it was.
        advice: What to do about it, as a sentence without its capital letter.
    """

    def __init__(self, what: str, value: object, advice: str) -> None:
        """Remember *what* was given which *value*, and the *advice* that mends it."""
        super().__init__(what, value, advice)
        self.what = what
        self.value = value
        self.advice = advice

    def __str__(self) -> str:
        """Say what is wrong and what to do."""
        return f"{self.what} is {redacted(repr(self.value))}: {self.advice}"


class DuplicateCheckError(VitalspanError, ValueError):
    """A check for the same component is registered already.

    Attributes:
        component_id: The component that both are about.
    """

    def __init__(self, component_id: str) -> None:
        """Remember the *component_id*."""
        super().__init__(component_id)
        self.component_id = component_id

    def __str__(self) -> str:
        """Say what is wrong and what to do."""
        return (
            f"a check for component {self.component_id!r} is already registered: "
            "give this one another component id, or unregister the first"
        )


class DuplicateInstrumentError(VitalspanError, ValueError):
    """A metric of the same name exists with another kind, unit or boundaries.

    Attributes:
        name: The name of the metric.
        existing: What it already is, for example `counter in {order}`.
        wanted: What was asked for now.
    """

    def __init__(self, name: str, existing: str, wanted: str) -> None:
        """Remember the *name* and both of its forms."""
        super().__init__(name, existing, wanted)
        self.name = name
        self.existing = existing
        self.wanted = wanted

    def __str__(self) -> str:
        """Say what is wrong and what to do."""
        return (
            f"metric {self.name!r} is already a {self.existing} and cannot also be a {self.wanted}: rename one of them"
        )


class MissingExtraError(VitalspanError, ImportError):
    """Something was asked for that needs a package which is not installed.

    Attributes:
        feature: What was asked for.
        extra: The extra of vitalspan that installs what it needs.
    """

    def __init__(self, feature: str, extra: str) -> None:
        """Remember the *feature* and the *extra* that brings it."""
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        """Say what is missing and the line that installs it."""
        return f"{self.feature} needs an optional package: pip install 'vitalspan[{self.extra}]'"


class UnknownComponentError(VitalspanError, LookupError):
    """No check is registered for the component.

    Attributes:
        component_id: The component that was asked for.
        known: The components that have a check.
    """

    def __init__(self, component_id: str, known: tuple[str, ...]) -> None:
        """Remember the *component_id* and those that are *known*."""
        super().__init__(component_id, known)
        self.component_id = component_id
        self.known = known

    def __str__(self) -> str:
        """Say what is wrong and which components there are."""
        known = ", ".join(map(repr, self.known)) or "none yet"
        return f"no check is registered for component {self.component_id!r}; registered are: {known}"


def error_type(error: BaseException) -> str:
    """Return the value of the attribute `error.type` for *error*: its class, qualified unless built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
