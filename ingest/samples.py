"""The sample handbook: something to ask before the first own document is there."""

import hashlib
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.dispatch import receiver

from accounts.models import User
from accounts.signals import first_admin_created
from audit import actions
from audit.models import Entry
from audit.record import record
from ingest.access import READER
from ingest.collections import make_manager
from ingest.models import Collection, Document, Grant, Receipt
from ingest.upload import upload
from ingest.walk import files_under

#: Fixed, so that a renamed sample collection is found and an erased one is not made again.
SAMPLE = uuid5(NAMESPACE_URL, "sovereign:sample-handbook")
NAME = "Sample handbook"
DESCRIPTION = (
    "An invented company's handbook, to try questions on. Erase it when you have your own."
)


def load_samples() -> int:
    """Put the handbook's new files into the sample collection. Returns how many were taken.

    What somebody erased stays erased.
    """
    folder = Path(settings.SAMPLES_DIR) / "handbook"
    files = [(file, path, _id_of(file)) for file, path in files_under(folder)]
    there = set(Document.objects.filter(collection=SAMPLE).values_list("id", flat=True))
    gone = set(Receipt.objects.filter(collection_id=SAMPLE).values_list("document_id", flat=True))
    wanted = [item for item in files if item[2] not in there | gone]
    collection = _collection() if wanted else None
    if collection is None:
        return 0
    return sum(_take(collection, *item) for item in wanted)


def _id_of(file: Path) -> UUID:
    return uuid5(SAMPLE, hashlib.sha256(file.read_bytes()).hexdigest())


def _take(collection: Collection, file: Path, path: str, pk: UUID) -> bool:
    with file.open("rb") as opened:
        return upload(
            None, collection, File(opened), name=file.name, path=path, document_id=pk
        ).created


def _collection() -> Collection | None:
    """The sample collection, made at first use; None where somebody erased it."""
    found = Collection.objects.filter(pk=SAMPLE).first()
    if found is not None:
        return None if found.erasing else found
    if Entry.objects.filter(action=actions.COLLECTION_ERASED, target_id=str(SAMPLE)).exists():
        return None
    with transaction.atomic():
        made = Collection.objects.create(pk=SAMPLE, name=NAME, description=DESCRIPTION)
        Grant.objects.create(collection=made, everyone=True, role=READER)
        record(actions.COLLECTION_CREATED, target=("collection", made.pk))
        if (
            admin := User.objects.filter(is_admin=True, is_active=True)
            .order_by("created_at")
            .first()
        ):
            make_manager(admin, SAMPLE)
    return made


@receiver(first_admin_created)
def _on_first_admin(user: User, **_: object) -> None:
    if Collection.objects.filter(pk=SAMPLE, erasing=False).exists():
        make_manager(user, SAMPLE)
