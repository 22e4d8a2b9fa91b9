"""An export and an import of somebody's."""

import io

from django.utils import timezone

from accounts.models import User
from ingest.models import Collection, Transfer
from ingest.moving import files, jobs


def make_export(user: User, collection: Collection) -> Transfer:
    """One that is done, with a file."""
    now = timezone.now()
    made = Transfer(kind="export", status="done", collection=collection, created_by=user)
    made.began_at = made.finished_at = now
    made.counts, made.bytes = {"documents": 1}, 11
    with files.writing(made.pk) as draft:
        draft.write(b"An archive.")
        made.save(force_insert=True)
        draft.keep()
    return made


def make_import(user: User) -> Transfer:
    return jobs.begin_import(user, io.BytesIO(b"No archive."))
