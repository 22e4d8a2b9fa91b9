"""Receipts that say how far a proof is, and what was forgotten.

Receipts of before have nothing to look for: what was finished counts as removed.
"""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def finished_before(apps, schema_editor):
    receipts = apps.get_model("ingest", "Receipt").objects
    receipts.filter(finished_at__isnull=False).update(state="removed")


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0008_lexical_sizes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Forgotten",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("collection_id", models.UUIDField()),
                ("document_id", models.UUIDField()),
                ("bytes_key", models.CharField(max_length=64)),
                ("place_key", models.CharField(max_length=64)),
                (
                    "erased_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
            ],
        ),
        migrations.AlterModelOptions(
            name="receipt",
            options={"ordering": ["-requested_at", "id"]},
        ),
        migrations.AddField(
            model_name="receipt",
            name="canaries",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="receipt",
            name="checks",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="receipt",
            name="kept",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="receipt",
            name="prepared_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="receipt",
            name="proven_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="receipt",
            name="reason",
            field=models.CharField(
                choices=[
                    ("asked", "Somebody asked for it"),
                    ("collection", "Its collection was erased"),
                    ("replaced", "A newer version replaced it"),
                    ("source", "It is gone at its source"),
                    ("replayed", "It came back from a backup"),
                ],
                default="asked",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="sought",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="receipt",
            name="state",
            field=models.CharField(
                choices=[
                    ("removing", "Being removed"),
                    ("pending", "Removed; proof pending"),
                    ("proven", "Proven"),
                    ("found", "Traces found"),
                    ("removed", "Removed, not provable"),
                ],
                db_index=True,
                default="removing",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="vectors_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="receipt",
            index=models.Index(fields=["requested_at"], name="receipt_newest"),
        ),
        migrations.AddIndex(
            model_name="forgotten",
            index=models.Index(fields=["collection_id", "bytes_key"], name="forgotten_bytes"),
        ),
        migrations.AddIndex(
            model_name="forgotten",
            index=models.Index(fields=["collection_id", "place_key"], name="forgotten_place"),
        ),
        migrations.AddConstraint(
            model_name="forgotten",
            constraint=models.UniqueConstraint(
                fields=("document_id", "place_key"), name="forgotten_place_once"
            ),
        ),
        migrations.RunPython(finished_before, migrations.RunPython.noop),
    ]
