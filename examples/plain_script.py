"""A plain script: checks run on a thread of their own, and everything is sent when the script ends.

Run it with any OTLP receiver, for example `vitalspan demo`'s or a Collector on http://localhost:4318:

    python examples/plain_script.py
"""

import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import vitalspan


@vitalspan.instrument
def import_orders(database: Path, count: int) -> int:
    """Write *count* orders and return how many there are."""
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO orders DEFAULT VALUES", [() for _ in range(count)])
        (total,) = connection.execute("SELECT count(*) FROM orders").fetchone()
    connection.close()
    return int(total)


def main() -> None:
    """Import orders while the health of the database is watched."""
    vitalspan.configure(service_name="importer")
    imported = vitalspan.default_system().collector.counter("importer.orders", unit="{order}")
    with TemporaryDirectory() as folder:
        database = Path(folder) / "orders.db"

        @vitalspan.check("database", interval=0.2)
        def check_database() -> None:
            connection = sqlite3.connect(database, timeout=1)
            try:
                connection.execute("SELECT 1").fetchone()
            finally:
                connection.close()

        for _ in range(5):
            import_orders(database, 100)
            imported.add(100)
            time.sleep(0.1)
        health = vitalspan.default_system().monitor.get_status("database")
        print(f"database is {health.status.value}")


if __name__ == "__main__":
    main()
