"""What is erased leaves no export behind: when it is marked, and when an older version goes."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from ingest.forgetting import Forgetting, forgetting, marked
from ingest.moving.jobs import withdraw


@receiver(marked, dispatch_uid="ingest.moving.marked")
def end_exports(documents: Iterable[UUID], **_: Any) -> None:
    withdraw(documents)


@receiver(forgetting, dispatch_uid="ingest.moving.forgetting")
def end_exports_of(about: Forgetting, **_: Any) -> None:
    withdraw([about.document.pk])
