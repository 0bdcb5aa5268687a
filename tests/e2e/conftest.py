"""Gives the end-to-end tests a real OTLP receiver."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e._collector import Collector, find_otelcol
from tests.e2e._rotel import Rotel, find_rotel


@pytest.hookimpl(tryfirst=True)  # before `-m "not e2e"` looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def otelcol() -> Path:
    """The Collector's program; without it the test is skipped, but not where it could have been built for testing."""
    if found := find_otelcol():
        return found
    reason = "there is no Collector: `make collector` builds it, with Go"
    if os.environ.get("CI") == "true" and shutil.which("go"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector | Rotel]:
    """A running receiver, shared by all tests: the Collector, or else rotel. Tell services apart by their names."""
    folder = tmp_path_factory.mktemp("receiver")
    if otelcol := find_otelcol():
        with Collector(otelcol, folder) as receiver:
            yield receiver
    elif agent := find_rotel():
        with Rotel(agent, folder) as stand_in:
            yield stand_in
    else:
        reason = "there is no OTLP receiver: `make collector` builds one, with Go; rotel has no wheel for this Python"
        # On a machine whose only purpose is to test, a test that silently did not run would be a lie.
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture
def rotel(tmp_path: Path) -> Iterator[Rotel]:
    """A running rotel."""
    agent = find_rotel()
    if agent is None:
        pytest.skip("rotel is not installed: it has no wheel for this Python")
    with Rotel(agent, tmp_path) as receiver:
        yield receiver
