"""Apart from 0005: PostgreSQL alters no table in the transaction that changed its rows."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0005_index")]

    operations = [
        migrations.AlterField(
            model_name="chunk",
            name="index",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="chunks",
                to="ingest.index",
            ),
        ),
        migrations.RemoveField(model_name="chunk", name="embedder"),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.UniqueConstraint(
                fields=("document", "index", "ordinal"), name="chunk_ordinal_once_an_index"
            ),
        ),
    ]
