"""Triggers that make the record append-only: what mistakes and stray SQL cannot change.

They bind everybody who uses the tables. The owner of the tables can take them away: then
audit.verify finds that they are gone, and the chain finds what was changed meanwhile.
An entry may be deleted only below a cut that is announced in the chain (audit/cut.py); whether the
cut is signed, no database can tell: audit.verify does.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("audit_entry", "audit_seal", "audit_cut")

_CUTS = """
    SELECT 1 FROM {0}audit_cut AS c
    JOIN {0}audit_seal AS a ON a.entry_id = c.announced AND a.position > c.position
    JOIN {0}audit_seal AS s ON s.position <= c.position
    WHERE {1}
"""
#: Which seal the row that is to be deleted belongs to.
_MINE = {"audit_entry": "s.entry_id = {0}", "audit_seal": "s.position = {0}"}
_KEY = {"audit_entry": "id", "audit_seal": "position"}
#: What `INSERT OR REPLACE` of SQLite would delete without asking the DELETE trigger.
_TAKEN = {
    "audit_entry": "id = NEW.id OR uuid = NEW.uuid",
    "audit_seal": "position = NEW.position OR entry_id = NEW.entry_id",
    "audit_cut": "position = NEW.position",
}


def _says(operation: str, table: str) -> str:
    return f"The record is append-only: {operation} on {table} is refused."


def _sqlite(table: str) -> dict[str, str]:
    """Names and statements. Unqualified names in a trigger mean its own database, never TEMP."""
    when = ""
    if table in _MINE:
        cuts = _CUTS.format("", _MINE[table].format(f"OLD.{_KEY[table]}"))
        when = f"WHEN NOT EXISTS ({cuts})"
    events = {
        "update": ("BEFORE UPDATE", ""),
        "delete": ("BEFORE DELETE", when),
        "insert": (
            "BEFORE INSERT",
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {_TAKEN[table]})",  # noqa: S608 (constants)
        ),
    }
    return {
        f"{table}_no_{name}": (
            f"CREATE TRIGGER {table}_no_{name} {event} ON {table} {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{_says(name.upper(), table)}'); END"
        )
        for name, (event, condition) in events.items()
    }


_POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    below_a_cut boolean := false;
BEGIN
    -- The schema is named: a temporary table called audit_cut must not stand in for the real one.
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_entry' THEN
        EXECUTE pg_catalog.format($sql$SELECT EXISTS ({entry})$sql$, TG_TABLE_SCHEMA)
            INTO below_a_cut USING OLD.id;
    ELSIF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_seal' THEN
        EXECUTE pg_catalog.format($sql$SELECT EXISTS ({seal})$sql$, TG_TABLE_SCHEMA)
            INTO below_a_cut USING OLD.position;
    END IF;
    IF below_a_cut THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The record is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$body$
""".format(
    entry=_CUTS.format("%1$I.", _MINE["audit_entry"].format("$1")),
    seal=_CUTS.format("%1$I.", _MINE["audit_seal"].format("$1")),
)


def _postgres(table: str) -> dict[str, str]:
    call = "EXECUTE FUNCTION audit_append_only()"
    rows, truncate = f"{table}_no_change", f"{table}_no_truncate"
    return {
        rows: f"CREATE TRIGGER {rows} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}",
        truncate: f"CREATE TRIGGER {truncate} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}",
    }


def _wanted(connection: BaseDatabaseWrapper, table: str) -> dict[str, str]:
    return _postgres(table) if connection.vendor == "postgresql" else _sqlite(table)


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place, the newest form of each. Runs in a migration."""
    remove(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRES_FUNCTION)
        for table in TABLES:
            for name, statement in _wanted(connection, table).items():
                cursor.execute(statement)
                if connection.vendor == "postgresql":
                    # Else `SET session_replication_role = replica` would switch it off.
                    cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take them away. Only a migration backwards, and tests that empty their tables, may."""
    with connection.cursor() as cursor:
        for table in TABLES:
            for name in _wanted(connection, table):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that are gone, switched off or changed."""
    if connection.vendor == "postgresql":
        return _missing_in_postgres(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        there = dict(cursor.fetchall())
    wanted = {name: text for table in TABLES for name, text in _sqlite(table).items()}
    return [name for name, text in wanted.items() if there.get(name) != text]


def _missing_in_postgres(connection: BaseDatabaseWrapper) -> list[str]:
    body = _POSTGRES_FUNCTION.split("$body$")[1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid "
            "WHERE t.tgrelid::regclass::text = ANY(%s) AND t.tgenabled = 'A' "
            "AND p.proname = 'audit_append_only' AND p.prosrc = %s",
            [list(TABLES), body],
        )
        there = {name for (name,) in cursor.fetchall()}
    return [name for table in TABLES for name in _postgres(table) if name not in there]
