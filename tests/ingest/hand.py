"""Does with a product that runs what people do, in a process that has its settings: a line of JSON in, with a
name and what it is given, a line out. `python -m tests.ingest.hand`."""

import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

MARK = "\x1e"


def begin(share: str) -> dict[str, str]:
    from django.core.management import call_command

    from accounts.models import User
    from ingest.collections import create_collection
    from ingest.models import SyncSource

    call_command("migrate", verbosity=0)
    user = User.objects.create_superuser("a@example.com")
    collection = create_collection(user, name="Handbook")
    source = SyncSource.objects.create(
        collection=collection, kind="folder", name="Share", settings={"path": share}
    )
    return {"collection": str(collection.pk), "source": str(source.pk)}


def put(name: str, text: str) -> str:
    from django.core.files.base import ContentFile

    from ingest.upload import upload

    file = ContentFile(text.encode(), name)
    return str(upload(_user(), _collection(), file, name=name).document.pk)


def erase(pk: str) -> str:
    from ingest import erase
    from ingest.models import Document

    return str(erase.erase_document(_user(), Document.objects.get(pk=pk)).pk)


def export() -> str:
    from ingest.moving import jobs

    return str(jobs.begin_export(_user(), _collection()).pk)


def bring(pk: str) -> str:
    from ingest.models import Transfer
    from ingest.moving import jobs

    with jobs.download(_user(), Transfer.objects.get(pk=pk)) as file:
        return str(jobs.begin_import(_user(), io.BytesIO(file.read())).pk)


def give_up(pk: str) -> None:
    from ingest.models import Transfer
    from ingest.moving import jobs

    jobs.give_up(_user(), Transfer.objects.get(pk=pk))


def members(pk: str) -> str:
    """All that an archive holds, as text."""
    import zipfile

    from ingest.models import Transfer
    from ingest.moving import jobs

    with jobs.download(_user(), Transfer.objects.get(pk=pk)) as file, zipfile.ZipFile(file) as made:
        return "\n".join(made.read(name).decode("latin-1") for name in made.namelist())


def send(task: str, *given: str) -> None:
    from ingest import queue

    queue.send(task, *given)


def sync() -> None:
    from django.utils import timezone

    from ingest import queue
    from ingest.models import SyncSource

    SyncSource.objects.update(next_at=timezone.now())
    for source in SyncSource.objects.all():
        queue.send(queue.SYNC, str(source.pk))


def lapse() -> None:
    """Leases of who was killed run out: what takes minutes."""
    from django.utils import timezone

    from ingest.models import Document, SyncSource, Transfer

    past = timezone.now() - timedelta(seconds=60)
    for table in (Document, SyncSource, Transfer):
        table.objects.filter(lease_until__isnull=False).update(lease_until=past)


def state() -> dict[str, Any]:
    from ingest.models import Chunk, Document, Receipt, SourceItem, SyncRun, Transfer

    fields = ("name", "status", "pk", "collection_id")
    told = ("document_id", "state", "reason", "checks", "kept", "removed", "finished_at")
    return {
        "documents": list(Document.objects.values(*fields)),
        "texts": list(Chunk.objects.values_list("text", flat=True)),
        "receipts": {str(each["document_id"]): each for each in Receipt.objects.values(*told)},
        "left_out": sorted(SourceItem.objects.filter(left_out=True).values_list("name", flat=True)),
        "runs": [
            (run.finished_at, run.error_code)
            for run in SyncRun.objects.filter(finished_at__isnull=False).order_by("finished_at")
        ],
        "transfers": {
            str(each["pk"]): each
            for each in Transfer.objects.values("pk", "status", "error_code", "erased", "kind")
        },
    }


def _user() -> Any:
    from accounts.models import User

    return User.objects.get()


def _collection() -> Any:
    from ingest.models import Collection

    return Collection.objects.get(name="Handbook", grants__user=_user(), sync_sources__isnull=False)


DEEDS = {
    each.__name__: each
    for each in (begin, put, erase, export, bring, give_up, members, send, sync, lapse, state)
}


def main() -> None:
    django.setup()
    for line in sys.stdin:
        name, *given = json.loads(line)
        said = json.dumps(DEEDS[name](*given), default=str)
        sys.stdout.write(f"{MARK}{said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    assert Path("manage.py").exists()
    main()
