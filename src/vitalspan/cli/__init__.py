"""The command `vitalspan`."""

from vitalspan.cli._main import main

__all__ = ["main"]
