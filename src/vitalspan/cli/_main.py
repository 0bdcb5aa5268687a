"""Which command was asked for. What a command needs is imported when it runs, and not before."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, cast

from vitalspan import _names
from vitalspan._errors import VitalspanError

__all__ = ["main"]

# What a shell reports of a program that Ctrl-C has ended.
_INTERRUPTED: Final = 130


class _Command(NamedTuple):
    """Where a command is, and what it is for."""

    module: str
    help: str


class _CommandModule(Protocol):
    """What the module of a command holds."""

    def run(self, arguments: Sequence[str]) -> int:
        """Do it, and return the exit code."""
        ...


_COMMANDS: Final[Mapping[str, _Command]] = MappingProxyType(
    {"demo": _Command("vitalspan.cli._demo", "watch a small service fail and recover, live in the terminal")}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command `vitalspan` and return its exit code.

    Args:
        arguments: What follows the name of the program; by default what it was started with.

    Returns:
        0 when all went well, 1 when it did not, 130 when it was interrupted and does not expect that.

    Raises:
        SystemExit: With code 2 for arguments that cannot be used, with code 0 after `--help` and `--version`.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    # The first argument is the command; everything after it belongs to that command's own parser.
    command = _COMMANDS[_parser().parse_args(given[:1]).command]
    try:
        module = cast("_CommandModule", import_module(command.module))
        return module.run(given[1:])
    except VitalspanError as error:
        print(f"vitalspan: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="vitalspan",
        description="Vital signs for Python services, native to OpenTelemetry.",
        epilog="'vitalspan COMMAND --help' explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"vitalspan {_names.VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for name, command in _COMMANDS.items():
        commands.add_parser(name, help=command.help, add_help=False)
    return parser
