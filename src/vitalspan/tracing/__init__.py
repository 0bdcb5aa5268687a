"""What is observed of a call: its span, its duration and its outcome."""

from vitalspan.tracing._decorators import instrument, measured, traced

__all__ = ["instrument", "measured", "traced"]
