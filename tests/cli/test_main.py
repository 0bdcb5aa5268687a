"""The command line itself: what it answers before any command runs."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from vitalspan.cli import _main, main


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "vitalspan 0.1.0\n"


def test_the_version_is_told_without_loading_what_commands_need() -> None:
    program = """if True:
        import sys
        before = set(sys.modules)
        from vitalspan.cli import main
        try:
            main(["--version"])
        finally:
            print(*(set(sys.modules) - before))
    """
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert "vitalspan.cli._main" in loaded
    assert not loaded & {"opentelemetry.sdk", "opentelemetry.proto", "http.server", "rich", "sqlite3"}
    assert not [name for name in loaded if name.startswith("vitalspan.cli._demo")]


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "demo      watch a small service fail and recover" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["dmeo"], ["--colour"], ["demo", "now"], ["demo", "--version"]])
def test_arguments_that_cannot_be_used_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: vitalspan" in capsys.readouterr().err


def test_arguments_come_from_the_program_when_none_are_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vitalspan", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == "vitalspan 0.1.0\n"


def test_ctrl_c_while_a_command_is_still_loading_is_quiet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slow_to_load.py").write_text("raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_main, "_COMMANDS", {"slow": _main._Command("slow_to_load", "takes its time")})
    assert main(["slow"]) == 130
    assert capsys.readouterr().err == ""


def test_the_module_is_the_command() -> None:
    told = subprocess.run([sys.executable, "-m", "vitalspan", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == "vitalspan 0.1.0\n"


def test_importing_the_module_runs_nothing() -> None:
    """Tools that read the documentation of a package import all of it."""
    assert import_module("vitalspan.__main__").main is main


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="vitalspan")
    assert script.load() is main
