"""Which documents an index has that is being built, and of which length its vectors are."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


def measure(apps, schema_editor):
    """Up to here each passage had one vector."""
    for index in apps.get_model("ingest", "Index").objects.all():
        chunks = apps.get_model("ingest", "Chunk").objects.filter(index=index)
        vector = chunks.exclude(vector=None).values_list("vector", flat=True).first()
        index.dimension = len(bytes(vector or b"")) // 2
        index.save(update_fields=["dimension"])


class Migration(migrations.Migration):
    dependencies = [("ingest", "0006_index_of_chunks")]

    operations = [
        migrations.AddField(
            model_name="index",
            name="dimension",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.CreateModel(
            name="IndexedDocument",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chunk_count", models.PositiveIntegerField()),
                (
                    "made_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="indexed",
                        to="ingest.document",
                    ),
                ),
                (
                    "index",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="documents",
                        to="ingest.index",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("index", "document"), name="document_once_an_index"
                    )
                ],
            },
        ),
        migrations.RunPython(measure, migrations.RunPython.noop),
    ]
