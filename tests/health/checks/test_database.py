"""Does the database answer? Asked of a real one: SQLite."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from vitalspan import ConfigurationError
from vitalspan.health import DatabaseHealthCheck, HealthMonitor, HealthStatus, Status

_Connect = Callable[[], sqlite3.Connection]


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.commit()
    connection.close()
    return path


@pytest.fixture(name="shared")
def _shared() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    yield connection
    connection.close()


def _find(database: Any, **options: Any) -> HealthStatus:
    options.setdefault("degraded_above", 60.0)
    return asyncio.run(DatabaseHealthCheck(database, **options).check())


class _Tracked(sqlite3.Connection):
    """Tells when it was closed."""

    closed: list[str]

    def close(self) -> None:
        super().close()
        self.closed.append("closed")


class _BadlyClosing(sqlite3.Connection):
    def close(self) -> None:
        super().close()
        raise sqlite3.OperationalError("cannot close")


def _tracked(closed: list[str], path: object = ":memory:") -> sqlite3.Connection:
    connection = sqlite3.connect(str(path), factory=_Tracked)
    connection.closed = closed
    return connection


def test_a_database_that_answers_is_healthy_and_says_how_long_it_took(path: Path) -> None:
    finding = _find(lambda: sqlite3.connect(path), query="SELECT count(*) FROM orders")
    assert (finding.component_id, finding.status, finding.message) == ("database", Status.HEALTHY, "")
    latency = finding.metadata["latency_ms"]
    assert isinstance(latency, float)
    assert 0 < latency < 60_000


def test_an_answer_that_takes_long_is_degraded() -> None:
    finding = _find(lambda: sqlite3.connect(":memory:"), degraded_above=1e-9)
    assert finding.status is Status.DEGRADED
    assert finding.message.startswith("slow: 0.0")
    assert finding.message.endswith(" s, more than 1e-09 s")
    assert "latency_ms" in finding.metadata


def test_a_connection_is_used_as_it_is_and_never_closed(shared: sqlite3.Connection) -> None:
    assert _find(shared).status is Status.HEALTHY
    assert shared.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("query", ["SELECT 1", "SELECT nonsense"])
def test_a_connection_that_was_opened_for_the_run_is_closed_after_it(query: str) -> None:
    closed: list[str] = []
    check = DatabaseHealthCheck(partial(_tracked, closed), query=query)
    for _ in range(2):
        asyncio.run(check.check())
    assert closed == ["closed", "closed"]


def test_what_closing_says_does_not_count() -> None:
    assert _find(lambda: sqlite3.connect(":memory:", factory=_BadlyClosing)).status is Status.HEALTHY


def test_the_whole_answer_is_read(path: Path) -> None:
    """A cursor that is left half-read keeps a lock in some databases."""
    fetched: list[int] = []

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path)
        connection.create_function("fetched", 1, fetched.append)
        return connection

    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT fetched(i) FROM n"
    assert _find(connect, query=query).status is Status.HEALTHY
    assert fetched == list(range(1, 51))


def test_a_connection_of_another_thread_says_so() -> None:
    connection = sqlite3.connect(":memory:")
    finding = _find(connection)
    connection.close()
    assert finding.status is Status.UNHEALTHY
    assert finding.message.startswith("the query failed: ProgrammingError: SQLite objects created in a thread can only")
    assert finding.error_type == "sqlite3.ProgrammingError"


def test_a_database_that_is_locked_is_unhealthy(path: Path) -> None:
    owner = sqlite3.connect(path, isolation_level=None)
    owner.execute("BEGIN EXCLUSIVE")
    finding = _find(lambda: sqlite3.connect(path, timeout=0), query="SELECT count(*) FROM orders")
    owner.close()
    assert finding.status is Status.UNHEALTHY
    assert finding.message == "the query failed: OperationalError: database is locked"


def test_a_database_that_cannot_be_opened_is_unhealthy(tmp_path: Path) -> None:
    finding = _find(lambda: sqlite3.connect(tmp_path / "missing" / "shop.db"))
    assert finding.status is Status.UNHEALTHY
    assert finding.message == "no connection: OperationalError: unable to open database file"
    assert finding.error_type == "sqlite3.OperationalError"


def test_a_file_that_is_missing_is_unhealthy_when_it_must_not_be_made(tmp_path: Path) -> None:
    uri = f"file:{tmp_path / 'shop.db'}?mode=ro"
    finding = _find(lambda: sqlite3.connect(uri, uri=True))
    assert finding.message == "no connection: OperationalError: unable to open database file"


def test_a_file_that_is_no_database_is_unhealthy(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    path.write_text("This is not a database, however long one makes the text in it." * 20)
    finding = _find(lambda: sqlite3.connect(path), query="SELECT count(*) FROM orders")
    assert finding.message == "the query failed: DatabaseError: file is not a database"


def test_a_query_that_fails_is_unhealthy(path: Path) -> None:
    finding = _find(lambda: sqlite3.connect(path), query="SELECT * FROM customers")
    assert finding.status is Status.UNHEALTHY
    assert finding.message == "the query failed: OperationalError: no such table: customers"


@pytest.mark.parametrize("connect", [lambda: None, lambda: "shop.db"])
def test_what_opens_no_connection_is_unhealthy(connect: Any) -> None:
    finding = _find(connect)
    assert finding.status is Status.UNHEALTHY
    assert finding.message.endswith("object has no attribute 'cursor'")


def test_an_async_function_that_opens_a_connection_is_unhealthy_and_leaves_nothing_unawaited() -> None:
    async def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:")

    assert _find(connect).message.endswith("'coroutine' object has no attribute 'cursor'")


def test_a_query_that_hangs_is_reported_and_not_asked_twice(monitor: HealthMonitor, release: threading.Event) -> None:
    """More queries on a database that hangs would only make it worse."""
    asked: list[str] = []

    def hang() -> int:
        asked.append("asked")
        release.wait()
        return 1

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.create_function("hang", 0, hang)
        return connection

    monitor.register_check(DatabaseHealthCheck(connect, query="SELECT hang()", timeout=0.05))
    first = asyncio.run(monitor.check_now("database"))
    second = asyncio.run(monitor.check_now("database"))
    assert first.message == "no result within 0.05 s"
    assert second.message.endswith("s ago is still running")
    assert {first.error_type, second.error_type} == {"timeout"}
    assert asked == ["asked"]


# Secrets


def test_a_password_that_the_driver_tells_is_never_in_a_finding(monitor: HealthMonitor) -> None:
    def connect() -> sqlite3.Connection:
        raise ConnectionError("postgresql://shop:hunter2@db.internal/shop refused")

    monitor.register_check(DatabaseHealthCheck(connect))
    finding = asyncio.run(monitor.check_now("database"))
    assert finding.message == "no connection: ConnectionError: postgresql://shop:***@db.internal/shop refused"


# Set-up


class _CallableConnection:
    """Some drivers' connections can be called."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.cursor = connection.cursor
        self.close = connection.close

    def __call__(self) -> sqlite3.Connection:
        raise AssertionError("a connection is used as it is")


def test_what_has_a_cursor_is_a_connection_though_it_can_be_called(shared: sqlite3.Connection) -> None:
    assert _find(_CallableConnection(shared)).status is Status.HEALTHY


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"database": None}, "database"),
        ({"database": "shop.db"}, "database"),
        ({"database": sqlite3.Connection}, "database"),
        ({"query": ""}, "query"),
        ({"query": " "}, "query"),
        ({"query": None}, "query"),
        ({"component_id": ""}, "component_id"),
        ({"check_interval": 0}, "check_interval"),
        ({"timeout": -1}, "timeout"),
        ({"degraded_above": True}, "degraded_above"),
        ({"critical": None}, "critical"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], what: str) -> None:
    given: dict[str, Any] = {"database": lambda: sqlite3.connect(":memory:"), **arguments}
    with pytest.raises(ConfigurationError) as raised:
        DatabaseHealthCheck(given.pop("database"), **given)
    assert (raised.value.what, raised.value.value) == (what, arguments[what])
    assert raised.value.advice.startswith(("give", "name"))


def test_a_check_says_of_itself_what_it_was_given() -> None:
    check = DatabaseHealthCheck(
        lambda: sqlite3.connect(":memory:"), component_id="orders", check_interval=7, timeout=3, critical=False
    )
    assert (check.component_id, check.check_interval, check.timeout, check.critical) == ("orders", 7, 3, False)
