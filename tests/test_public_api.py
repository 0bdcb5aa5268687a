"""What users can import and how they call it changes only on purpose.

After a change on purpose, write the new state down with `python -m tests.test_public_api`, and look at the difference.
"""

import difflib
import enum
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_overloads

import pytest

_MODULES = ["vitalspan", "vitalspan.health", "vitalspan.metrics", "vitalspan.pipeline", "vitalspan.tracing"]
_SNAPSHOT = Path(__file__).with_name("public_api.txt")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_MODULE_OF_A_CLASS = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")
_PROTOCOL_METHODS = {"__aenter__", "__bool__", "__call__", "__enter__"}
"""Special methods by which a class is used: `async with`, `if`, a call, `with`."""


def _short(text: str) -> str:
    """Return *text* without the modules of classes (ours are private and may move) and with our names of types."""
    text = _MODULE_OF_A_CLASS.sub("", text)
    return text.replace("Mapping[str, str | bool | int | float]", "Tags").replace("~F", "F")


def _value(value: object) -> str:
    """Return how a default is written: an enum by its name, an object without an address."""
    return str(value) if isinstance(value, enum.Enum) else _short(_ADDRESS.sub("", repr(value)))


def _annotation(annotation: object) -> str:
    return _short(annotation if isinstance(annotation, str) else inspect.formatannotation(annotation))


def _signature(function: Any) -> str:
    """Return the parameters of *function* as they are written, without `self`."""
    signature = inspect.signature(function)
    written: list[str] = []
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    for index, parameter in enumerate(signature.parameters.values()):
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL} & {
            *kinds[:index]
        }:
            written.append("*")
        text = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        if parameter.annotation is not parameter.empty:
            text += f": {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            text += f" = {_value(parameter.default)}"
        written.append(text)
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.POSITIONAL_ONLY not in kinds[index + 1 :]:
            written.append("/")
    returns = (
        "" if signature.return_annotation is signature.empty else f" -> {_annotation(signature.return_annotation)}"
    )
    return f"({', '.join(written)}){returns}"


def _described_function(name: str, function: Any) -> Iterator[str]:
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    for each in get_overloads(function) or [function]:
        yield f"{'async ' * is_async}def {name}{_signature(each)}"


def _described_member(name: str, member: Any) -> Iterator[str]:
    match member:
        case property():
            yield f"{name}: {_annotation(inspect.signature(member.fget).return_annotation)}"  # type: ignore[arg-type]  # it has one
        case classmethod() | staticmethod():
            yield f"@{type(member).__name__}"
            yield from _described_function(name, member.__func__)
        case _ if inspect.isfunction(member):
            yield from _described_function(name, member)
        case _:
            pass


def _described_class(name: str, kind: type) -> Iterator[str]:
    bases = ", ".join(base.__qualname__ for base in kind.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    if issubclass(kind, enum.Enum):
        yield from (f"    {member.name} = {member.value!r}" for member in kind)
    if is_dataclass(kind):
        for field in fields(kind):
            if field.kw_only and not any(earlier.kw_only for earlier in fields(kind)[: fields(kind).index(field)]):
                yield "    *"
            has_default = field.default is not MISSING or field.default_factory is not MISSING
            default = _value(field.default) if field.default is not MISSING else "..."
            yield f"    {field.name}: {_annotation(field.type)}{f' = {default}' * has_default}"
    elif "__init__" in vars(kind) and not getattr(kind, "_is_protocol", False):
        yield f"    def __init__{_signature(kind.__init__)}"  # type: ignore[misc]  # of this class, not of an heir
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("vitalspan."):
            members |= vars(base)
    for member_name in sorted(members):
        if not member_name.startswith("_") or member_name in _PROTOCOL_METHODS:
            yield from (f"    {line}" for line in _described_member(member_name, members[member_name]))


def _described(module: ModuleType) -> Iterator[str]:
    yield f"# {module.__name__}"
    rooms = [importlib.import_module(room) for room in _MODULES if room.startswith(f"{module.__name__}.")]
    for name in module.__all__:
        value = getattr(module, name)
        home = next((room.__name__ for room in rooms if getattr(room, name, None) is value), None)
        if home is not None:
            yield f"{name}, as in {home}"
        elif inspect.isclass(value):
            yield from _described_class(name, value)
        elif inspect.isfunction(value):
            yield from _described_function(name, value)
        elif name == "__version__":
            yield f"{name}: str"
        else:
            yield f"{name} = {_value(value)}"
    yield ""


def _public_api() -> str:
    """Return every public name with its signature, one a line."""
    return "\n".join(line for module in _MODULES for line in _described(importlib.import_module(module)))


def test_the_public_api_is_the_one_that_was_written_down() -> None:
    written = _SNAPSHOT.read_text(encoding="utf-8")
    difference = "\n".join(
        difflib.unified_diff(written.splitlines(), _public_api().splitlines(), "written down", "now", lineterm="", n=1)
    )
    assert not difference, f"if it is on purpose: python -m tests.test_public_api\n{difference}"


@pytest.mark.parametrize("module", _MODULES)
def test_all_is_sorted_and_can_be_imported(module: str) -> None:
    names: list[str] = importlib.import_module(module).__all__
    assert names == sorted(set(names))
    namespace: dict[str, object] = {}
    exec(f"from {module} import *", namespace)  # noqa: S102 - a star import, as a user may write it
    assert set(names) <= set(namespace)


@pytest.mark.parametrize("module", _MODULES)
def test_every_public_name_is_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    public = {name: getattr(loaded, name) for name in loaded.__all__}
    undocumented = [
        name
        for name, value in public.items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and not inspect.getdoc(value)
    ]
    assert not undocumented


def test_importing_vitalspan_loads_neither_the_sdk_nor_an_exporter() -> None:
    """They are slow to load and the host's to choose; a library that is instrumented must not bring them."""
    program = "import sys, vitalspan; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    loaded = done.stdout.split()
    assert "vitalspan" in loaded
    heavy = (
        "opentelemetry.sdk",
        "opentelemetry.exporter",
        "opentelemetry.proto",
        "google.protobuf",
        "grpc",
        "requests",
    )
    assert [name for name in loaded if name.startswith(heavy)] == []


if __name__ == "__main__":
    _SNAPSHOT.write_text(_public_api(), encoding="utf-8")
