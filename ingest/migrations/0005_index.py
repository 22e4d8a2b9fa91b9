"""Passages belong to an index, of which another can be built beside the one in use."""

import datetime
import hashlib
import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

RULES = "1"
BATCH = 1_000
SCOPES = {
    "sqlite": [
        "UPDATE ingest_lexical SET scope = replace(scope, 'collection', '{index}collection')",
    ],
    "postgresql": [
        "ALTER TABLE ingest_lexical ADD COLUMN index uuid",
        "UPDATE ingest_lexical SET index = '{index}'",
        "ALTER TABLE ingest_lexical ALTER COLUMN index SET NOT NULL",
        "DROP INDEX ingest_lexical_collection",
        "CREATE INDEX ingest_lexical_collection ON ingest_lexical (index, collection)",
    ],
}


def one_index(apps, schema_editor):
    """What is there becomes the active index; what another model embedded is embedded again."""
    Chunk = apps.get_model("ingest", "Chunk")
    embedder = _commonest(Chunk)
    index = apps.get_model("ingest", "Index")(
        id=uuid.uuid4(),
        state="active",
        embedder=embedder,
        chunking=RULES,
        activated_at=django.utils.timezone.now(),
    )
    if Chunk.objects.exists():
        index.save()
        odd = Chunk.objects.exclude(embedder__in=[embedder, ""])
        apps.get_model("ingest", "Document").objects.filter(
            id__in=odd.values("document_id"), status="ready"
        ).update(status="queued", stage="embed", ready_at=None)
        odd.update(vector=None)
        Chunk.objects.update(index=index)
        _digest(Chunk)
    for statement in SCOPES[schema_editor.connection.vendor]:
        schema_editor.execute(statement.format(index=index.id.hex))


def date_documents(apps, schema_editor):
    """The day that the file says of itself, or that of its upload."""
    Document = apps.get_model("ingest", "Document")
    for document in Document.objects.only("id", "metadata", "created_at").iterator():
        said = (document.metadata.get(key, "")[:10] for key in ("sent", "modified", "created"))
        day = next((day for day in map(_day, said) if day), document.created_at.date())
        Document.objects.filter(id=document.id).update(dated=day)


def _day(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _commonest(Chunk):
    counted = Chunk.objects.exclude(embedder="").order_by().values("embedder")
    found = counted.annotate(count=models.Count("id")).order_by("-count").first()
    return found["embedder"] if found else ""


def _digest(Chunk):
    last = None
    while True:
        rows = Chunk.objects.order_by("id").only("id", "context", "text")
        part = list((rows.filter(id__gt=last) if last else rows)[:BATCH])
        if not part:
            return
        for chunk in part:
            text = f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
            chunk.digest = hashlib.sha256(text.encode()).hexdigest()
        Chunk.objects.bulk_update(part, ["digest"], batch_size=100)
        last = part[-1].id


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0004_reading"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Index",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "Being built"),
                            ("active", "In use"),
                            ("retired", "Replaced"),
                        ],
                        default="building",
                        max_length=10,
                    ),
                ),
                ("embedder", models.CharField(max_length=200)),
                ("chunking", models.CharField(max_length=50)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("switch_when_built", models.BooleanField(default=True)),
                ("built_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("activated_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("retired_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("lease", models.UUIDField(blank=True, editable=False, null=True)),
                ("lease_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("error_code", models.CharField(blank=True, max_length=50)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("state",),
                        name="index_active_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "building")),
                        fields=("state",),
                        name="index_building_once",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="chunk", name="chunk_ordinal_once"),
        migrations.AddField(
            model_name="chunk",
            name="index",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="chunks",
                to="ingest.index",
            ),
        ),
        migrations.AddField(
            model_name="chunk",
            name="digest",
            field=models.CharField(blank=True, db_index=True, max_length=64),
        ),
        migrations.AddField(
            model_name="document",
            name="dated",
            field=models.DateField(blank=True, db_index=True, null=True),
        ),
        migrations.RunPython(date_documents, migrations.RunPython.noop),
        migrations.RunPython(one_index, migrations.RunPython.noop),
    ]
