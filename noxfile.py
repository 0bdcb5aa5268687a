"""What a contributor runs: `nox` runs it all, `nox -s lint types` a part, `nox -l` lists the sessions.

Each session keeps its environment in `.nox/` and installs into it again only when `pyproject.toml` has changed.
"""

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
OLDEST_TO_NEWEST = ["3.11", "3.12", "3.13"]
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
# The interpreter that runs nox counts too, so that a machine with only a newer Python still tests something.
PYTHONS = OLDEST_TO_NEWEST if CURRENT in OLDEST_TO_NEWEST else [*OLDEST_TO_NEWEST, CURRENT]
# Many tests wait for something, so more of them than there are cores run at a time.
SIDE_BY_SIDE = ["-n", str(3 * (os.cpu_count() or 1)), "--dist", "worksteal", "-q"]
FEW_AT_A_TIME = ["-n", str(os.cpu_count() or 1), "-q"]
COLLECTOR_CONFIG = ROOT / "collector-config" / "builder.yaml"

nox.needs_version = ">=2026.10"
nox.options.sessions = ["lint", "types", "floors", "docs", "e2e", "cover", "tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False  # a machine tests the Pythons that it has

# pyenv's shims do not start a version that is not switched on; its own folders do.
os.environ["PATH"] = os.pathsep.join(
    [os.environ["PATH"], *map(str, sorted(Path.home().glob(".pyenv/versions/3.*/bin")))]
)


def install(session: nox.Session, *groups: str, package: bool = True) -> None:
    """Install the dependency *groups*, and the *package* editable with its extras, unless that is done already."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + repr((groups, package)).encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed-for"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    extras = ",".join(PROJECT["project"]["optional-dependencies"])
    ours = ["--editable", f".[{extras}]"] if package else []
    session.install(*ours, *nox.project.dependency_groups(PROJECT, *groups))
    stamp.write_text(wanted)


@nox.session
def lint(session: nox.Session) -> None:
    """Judge style and look for known mistakes."""
    install(session, "lint", package=False)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, and that everything public has one."""
    install(session, "types", "test")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "vitalspan", "--ignoreexternal")


@nox.session
def floors(session: nox.Session) -> None:
    """Check that imports go down only."""
    install(session, "floors")
    session.run("lint-imports", "--no-logo")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each Python that the machine has; arguments after `--` go to pytest."""
    if session.python == CURRENT and "cover" in sys.argv:
        session.skip("the session `cover` runs the tests on this Python")
    install(session, "test")
    if session.posargs:
        session.run("pytest", "-m", "not e2e", *session.posargs)
        return
    session.run("pytest", "-m", "not e2e and not deadline", *SIDE_BY_SIDE)
    session.run("pytest", "-m", "deadline", *FEW_AT_A_TIME)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every Python block of the README, the guides and the docstrings."""
    install(session, "test")
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def cover(session: nox.Session) -> None:
    """Run the tests and demand that they take every branch."""
    install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-m", "not e2e and not deadline", *SIDE_BY_SIDE)
    session.run("coverage", "run", "-m", "pytest", "-m", "deadline", *FEW_AT_A_TIME)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the end-to-end tests against the Collector that `nox -s collector` built, or else against rotel."""
    install(session, "test", "e2e")
    session.run("pytest", "tests/e2e", *session.posargs)


@nox.session(venv_backend="none")
def collector(session: nox.Session) -> None:
    """Build the OpenTelemetry Collector of collector-config/builder.yaml into .cache, once."""
    # tests/e2e finds the binary by the same hash.
    folder = ROOT / ".cache" / "collector" / hashlib.sha256(COLLECTOR_CONFIG.read_bytes()).hexdigest()[:16]
    if (folder / "otelcol").exists():
        session.log(f"already built: {folder / 'otelcol'}")
        return
    if shutil.which("go") is None:
        session.error("building the Collector needs Go, and there is no `go` on the PATH")
    sources = folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    config = COLLECTOR_CONFIG.read_text()
    (sources / "builder.yaml").write_text(config.replace("output_path: ./build", f"output_path: {sources}"))
    version = re.search(r"^  version: (\S+)$", config, re.MULTILINE)
    builder = f"go.opentelemetry.io/collector/cmd/builder@v{version[1] if version else 'latest'}"
    # `go mod tidy`, which the builder runs, also looks for what only the tests of modules need; -e lets it go on
    # where one of those is not served.
    environment = {"CGO_ENABLED": "0", "GOBIN": str(folder), "GOFLAGS": "-e"}
    session.run("go", "install", builder, env=environment, external=True)
    session.run(f"{folder}/builder", "--config", f"{sources}/builder.yaml", env=environment, external=True)
    # Moved last, so that a build that was broken off is never taken for one that is done.
    (sources / "otelcol-vitalspan").rename(folder / "otelcol")
    shutil.rmtree(sources)
    (folder / "builder").unlink()
