"""What the README, the guides and the docstrings show is what happens."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.docs._run import parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("collector-config/**/*.md")])
MODULES = sorted(ROOT.glob("src/**/*.py"))
WITH_EXAMPLES = [path for path in [*PAGES, *MODULES] if list(parse(path))]


class _Sink(BaseHTTPRequestHandler):
    """Takes whatever telemetry an example sends."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay quiet."""


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """An OTLP receiver, so that an example need not name one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sink) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(document: Path, endpoint: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run *document* in a process of its own, because examples set up telemetry for the process that they run in."""
    command = [sys.executable, "-W", "error", "-m", "tests.docs._run", str(document)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("document", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_example_runs(document: Path, endpoint: str, tmp_path: Path) -> None:
    done = run(document, endpoint, tmp_path)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_python_is_an_example(page: Path) -> None:
    """A block that is marked `py` or `Python`, or is spelled so that it is not recognized, would not run."""
    fences = re.findall(r"^\s*(?:```|~~~)\s*py.*$", page.read_text(), re.MULTILINE | re.IGNORECASE)
    hidden = re.findall(r"^<!--+ *invisible-code-block: *python", page.read_text(), re.MULTILINE)
    assert len(list(parse(page))) == len(fences) + len(hidden)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```python\nassert 1 + 1 == 3\n```\n", "AssertionError"),
        ("```python\n>>> 1 + 1\n3\n```\n", "Expected"),
        ("```python\nx = 1\n```\n\ntext\n\n```python\nx + y\n```\n", "NameError"),
        ("```python\nimport warnings; warnings.warn('old', DeprecationWarning)\n```\n", "DeprecationWarning"),
    ],
)
def test_a_broken_example_fails(text: str, complaint: str, endpoint: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    done = run(page, endpoint, tmp_path)
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


def test_a_broken_docstring_fails(endpoint: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('def double(x):\n    """Double it.\n\n    >>> double(2)\n    5\n    """\n    return 2 * x\n')
    done = run(module, endpoint, tmp_path)
    assert done.returncode != 0
    assert "Expected" in done.stdout + done.stderr
