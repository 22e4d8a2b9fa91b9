"""How many passages and terms of each document the lexical index holds: what BM25 counts of a collection.

Summed from here it costs a row for each document, not one for each passage.
"""

from django.db import migrations

COLUMNS = {
    "sqlite": "of_index text NOT NULL, collection text NOT NULL, document text NOT NULL",
    "postgresql": "of_index uuid NOT NULL, collection uuid NOT NULL, document uuid NOT NULL",
}
_WORDS = "length({0}) - length(replace({0}, ' ', '')) + (length({0}) > 0)"
FILL = {
    # A scope is "INDEXcollectionCOLLECTION documentDOCUMENT", each id in 32 digits.
    "sqlite": "SELECT substr(scope, 1, 32), substr(scope, 43, 32), substr(scope, 84, 32), count(*),"  # noqa: S608
    f" sum({_WORDS.format('context')} + {_WORDS.format('text')}) FROM ingest_lexical GROUP BY scope",
    "postgresql": "SELECT index, collection, document, count(*), sum(length) FROM ingest_lexical"
    " GROUP BY index, collection, document",
}


def forwards(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    schema_editor.execute(
        f"CREATE TABLE ingest_lexical_sizes ({COLUMNS[vendor]},"
        " passages bigint NOT NULL, terms bigint NOT NULL)"
    )
    schema_editor.execute(f"INSERT INTO ingest_lexical_sizes {FILL[vendor]}")
    schema_editor.execute(
        "CREATE INDEX ingest_lexical_sizes_of ON ingest_lexical_sizes"
        " (of_index, collection, passages, terms)"
    )
    schema_editor.execute(
        "CREATE INDEX ingest_lexical_sizes_document ON ingest_lexical_sizes (document)"
    )


def backwards(apps, schema_editor):
    schema_editor.execute("DROP TABLE ingest_lexical_sizes")


class Migration(migrations.Migration):
    dependencies = [("ingest", "0007_indexed_documents")]
    operations = [migrations.RunPython(forwards, backwards)]
