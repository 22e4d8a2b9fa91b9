"""The database itself refuses to change the record, whatever SQL comes."""

import sqlite3

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands import flush
from django.db import IntegrityError, connection, transaction

from audit import actions, triggers
from audit.models import Cut, Entry, Seal
from audit.record import record
from audit.seal import seal

pytestmark = pytest.mark.django_db
NOW = "2026-01-01 00:00:00+00:00" if connection.vendor == "postgresql" else "2026-01-01 00:00:00"
CUT = (
    "INSERT INTO audit_cut (position, digest, entries, at, announced, signature) "
    "VALUES ({position}, '', 1, '" + NOW + "', {announced}, '')"
)


@pytest.fixture
def entry() -> Entry:
    """The first of three that are sealed; the newest may announce a cut."""
    made = record(actions.STARTED)
    record(actions.STARTED)
    assert seal() + seal() == 3
    return made


def run(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def refused(*statements: str) -> None:
    entries, seals = list(Entry.objects.values()), list(Seal.objects.values())
    with pytest.raises(IntegrityError, match="The record is append-only"):
        run(*statements)
    assert (list(Entry.objects.values()), list(Seal.objects.values())) == (entries, seals)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'x'",
        "UPDATE audit_entry SET at = at",
        "UPDATE audit_seal SET digest = 'x'",
        "UPDATE audit_seal SET position = position + 100",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE id = (SELECT max(id) FROM audit_entry)",
        "DELETE FROM audit_seal",
    ],
)
def test_plain_statements(entry: Entry, statement: str) -> None:
    refused(statement)


def test_what_django_sends(entry: Entry) -> None:
    entry.actor = "somebody else"
    for change in (
        entry.save,
        lambda: Entry.objects.update(actor="x"),
        lambda: Seal.objects.all().delete(),
        lambda: record(actions.STARTED).delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_an_upsert(entry: Entry) -> None:
    for table, key in (("audit_entry", "id"), ("audit_seal", "position")):
        columns = [
            str(field.column)
            for field in {"audit_entry": Entry, "audit_seal": Seal}[table]._meta.fields
        ]
        refused(
            f"INSERT INTO {table} ({','.join(columns)}) SELECT {','.join(columns)} FROM {table} "
            f"WHERE true ON CONFLICT ({key}) DO UPDATE SET {key} = EXCLUDED.{key}"
        )


def test_entries_below_a_cut_that_the_chain_does_not_announce(entry: Entry) -> None:
    refused(CUT.format(position=1, announced=987654), "DELETE FROM audit_entry")


def test_a_cut_cannot_announce_itself_below(entry: Entry) -> None:
    refused(CUT.format(position=1, announced=entry.pk), "DELETE FROM audit_entry")


def test_more_than_the_cut_says(entry: Entry) -> None:
    announced = Entry.objects.latest("id").pk
    refused(CUT.format(position=1, announced=announced), "DELETE FROM audit_entry")
    refused(CUT.format(position=1, announced=announced), "DELETE FROM audit_seal")


def test_what_the_cut_says_may_go(entry: Entry) -> None:
    announced = Entry.objects.latest("id").pk
    run(
        CUT.format(position=1, announced=announced),
        f"DELETE FROM audit_entry WHERE id = {entry.pk}",
        "DELETE FROM audit_seal WHERE position = 1",
    )
    assert list(Seal.objects.values_list("position", flat=True)) == [2, 3]


def test_a_cut_cannot_be_taken_back(entry: Entry) -> None:
    run(CUT.format(position=1, announced=Entry.objects.latest("id").pk))
    for statement in ("UPDATE audit_cut SET position = 2", "DELETE FROM audit_cut"):
        refused(statement)
    assert Cut.objects.count() == 1


def test_a_table_of_the_same_name_does_not_stand_in(entry: Entry) -> None:
    temporary = "CREATE TEMPORARY TABLE {0} AS SELECT * FROM {0}"
    where = "public" if connection.vendor == "postgresql" else "main"
    refused(
        *(temporary.format(table) for table in ("audit_cut", "audit_seal")),
        f"INSERT INTO audit_cut (position, announced) VALUES (1, {Entry.objects.latest('id').pk})",
        f"DELETE FROM {where}.audit_entry WHERE id = {entry.pk}",
    )


def test_flush_of_the_product(entry: Entry) -> None:
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(CommandError) as refusal, transaction.atomic():
        call_command(flush.Command(), interactive=False, verbosity=0)
    assert "append-only" in str(refusal.value.__cause__)
    assert Entry.objects.count() == 3


def test_they_are_all_in_place() -> None:
    assert triggers.missing(connection) == []


def test_one_that_is_gone_is_named() -> None:
    name = "audit_entry_no_change" if connection.vendor == "postgresql" else "audit_entry_no_delete"
    on = " ON audit_entry" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER {name}{on}")
    assert triggers.missing(connection) == [name]


class TestSQLite:
    @pytest.fixture(autouse=True)
    def _on_sqlite(self) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("SQLite's own ways around a trigger")

    @pytest.mark.parametrize(
        ("model", "changed"), [(Entry, "actor"), (Seal, "digest"), (Cut, "digest")]
    )
    def test_replace(self, entry: Entry, model: type, changed: str) -> None:
        run(CUT.format(position=1, announced=entry.pk))
        columns = [field.column for field in model._meta.fields]  # type: ignore[attr-defined]
        values = [f"'x{column}'" if column == changed else column for column in columns]
        table = model._meta.db_table  # type: ignore[attr-defined]
        refused(
            f"INSERT OR REPLACE INTO {table} ({','.join(columns)}) "
            f"SELECT {','.join(values)} FROM {table}"
        )

    def test_replace_by_the_second_key(self, entry: Entry) -> None:
        refused(
            "INSERT OR REPLACE INTO audit_entry (id, uuid, at, actor, action, target_type, "
            "target_id, request_id, data) SELECT 900, uuid, at, 'x', action, target_type, "
            "target_id, request_id, data FROM audit_entry LIMIT 1"
        )

    def test_update_or_replace(self, entry: Entry) -> None:
        refused("UPDATE OR REPLACE audit_entry SET id = id + 1")
        refused("UPDATE OR IGNORE audit_entry SET actor = 'x'")

    def test_a_trigger_that_says_something_else_is_named(self) -> None:
        run(
            "DROP TRIGGER audit_entry_no_update",
            "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry WHEN 0 "
            "BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        assert triggers.missing(connection) == ["audit_entry_no_update"]

    def test_the_library_is_one_that_names_tables_in_triggers(self) -> None:
        assert sqlite3.sqlite_version_info >= (3, 35)


@pytest.mark.services
class TestPostgreSQL:
    @pytest.fixture(autouse=True)
    def _on_postgresql(self) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("NOT RUN ON PostgreSQL: `make test-services` brings one")

    @pytest.mark.parametrize(
        "statement", ["TRUNCATE audit_entry CASCADE", "TRUNCATE audit_seal", "TRUNCATE audit_cut"]
    )
    def test_truncate(self, entry: Entry, statement: str) -> None:
        refused("SET CONSTRAINTS ALL IMMEDIATE", statement)

    def test_the_role_of_a_replica(self, entry: Entry) -> None:
        refused("SET LOCAL session_replication_role = replica", "DELETE FROM audit_entry")

    def test_a_schema_that_comes_first(self, entry: Entry) -> None:
        refused(
            "CREATE SCHEMA false_friend",
            "CREATE TABLE false_friend.audit_cut AS SELECT * FROM audit_cut",
            f"INSERT INTO false_friend.audit_cut (position, announced) VALUES (1, {entry.pk + 1})",
            "SET LOCAL search_path = false_friend, public",
            f"DELETE FROM audit_entry WHERE id = {entry.pk}",
        )

    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
            "ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_no_change",
        ],
    )
    def test_one_that_is_switched_off_is_named(self, statement: str) -> None:
        run("SET CONSTRAINTS ALL IMMEDIATE", statement)
        assert "audit_entry_no_change" in triggers.missing(connection)

    def test_an_emptied_function_is_named(self) -> None:
        run(
            "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN OLD; END'"
        )
        assert len(triggers.missing(connection)) == 6
