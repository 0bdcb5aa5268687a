"""What became of what was recorded. It needs no SDK, so it is there before anything is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["FlushResult"]


@dataclass(frozen=True, slots=True)
class FlushResult:
    """Whether everything recorded so far was delivered. It is true when it was.

    Attributes:
        undelivered: Why not, by signal (`traces`, `metrics`, `logs`).
    """

    undelivered: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        """Tell whether everything was delivered."""
        return not self.undelivered
