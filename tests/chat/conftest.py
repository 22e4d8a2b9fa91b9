"""A small handbook that went through the real pipeline, with fake vectors."""

from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile

from accounts.models import User
from ingest.models import Collection, Document
from ingest.pipeline import process_document
from ingest.upload import upload

LEAVE = """# Annual leave

## Entitlement

Every employee has 28 days of annual leave per year. After five years of service it is 30 days.

## Carrying over

Up to 5 days may be carried over until the end of March of the next year.
"""
TRAVEL = """# Travel

## Meals

The daily meal allowance is 45 euros in Germany and 60 euros in Switzerland.
"""

Add = Callable[..., Document]


@pytest.fixture
def add(vectors: str, read_once: None, alice: User, collection: Collection) -> Add:
    """`add("name.md", "text")` uploads and processes a document, and returns it ready."""

    def make(
        name: str, text: str, into: Collection | None = None, user: User | None = None
    ) -> Document:
        file = ContentFile(text.encode(), name=name)
        document = upload(user or alice, into or collection, file, name=name).document
        process_document(document.pk)
        document.refresh_from_db()
        assert document.status == Document.Status.READY, document.error_code
        return document

    return make


@pytest.fixture
def handbook(add: Add, collection: Collection) -> Collection:
    add("leave.md", LEAVE)
    add("travel.md", TRAVEL)
    return collection
