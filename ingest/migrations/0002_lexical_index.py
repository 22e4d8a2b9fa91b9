"""The lexical index (ingest/lexical.py): FTS5 on SQLite, tsvector with GIN on PostgreSQL.

Not a model: the two databases keep it in different shapes, and only SQL ever touches it.
"""

from django.db import migrations

FORWARDS = {
    "sqlite": [
        "CREATE VIRTUAL TABLE ingest_lexical USING fts5(scope, context, text, chunk UNINDEXED, tokenize = 'unicode61')",
        "CREATE VIRTUAL TABLE ingest_lexical_terms USING fts5vocab('ingest_lexical', 'row')",
    ],
    "postgresql": [
        "CREATE TABLE ingest_lexical (chunk uuid PRIMARY KEY, document uuid NOT NULL, collection uuid NOT NULL, length integer NOT NULL, terms tsvector NOT NULL)",
        "CREATE INDEX ingest_lexical_terms ON ingest_lexical USING gin (terms)",
        "CREATE INDEX ingest_lexical_document ON ingest_lexical (document)",
        "CREATE INDEX ingest_lexical_collection ON ingest_lexical (collection)",
    ],
}
BACKWARDS = {
    "sqlite": ["DROP TABLE ingest_lexical_terms", "DROP TABLE ingest_lexical"],
    "postgresql": ["DROP TABLE ingest_lexical"],
}


def _run(statements):
    def run(apps, schema_editor):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("ingest", "0001_initial")]
    operations = [migrations.RunPython(_run(FORWARDS), _run(BACKWARDS))]
