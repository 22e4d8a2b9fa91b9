"""The switch of indexes on PostgreSQL, while documents become ready, are erased, or are taken."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from audit.problems import Problem
from ingest import erase, indexes, keep, reindex
from ingest.claims import Claim, HandedOver
from ingest.models import Collection, Document, Index, IndexedDocument
from tests import people
from tests.services.test_races import at_once

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
ROUNDS = 8


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")


def at_work(collection: Collection, name: str) -> tuple[Claim, Document]:
    """A document whose passages are in the index in use, before its last step."""
    document = people.make_document(collection, name, name)
    Document.objects.filter(pk=document.pk).update(
        status="processing", lease=uuid4(), lease_until=timezone.now(), ready_at=None
    )
    document.refresh_from_db()
    assert document.lease
    return Claim(document.pk, document.lease, index=indexes.active()), document


def built(*documents: Document) -> Index:
    """An index with these documents, which the switch does not look into."""
    made = Index.objects.create(embedder="another")
    for document in documents:
        IndexedDocument.objects.create(index=made, document=document, chunk_count=3)
    return made


def end(claim: Claim, document: Document) -> str:
    try:
        keep.ready(claim, document)
    except HandedOver:
        return "queued"
    return "ready"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_becomes_ready_at_the_switch_is_in_the_index_in_use(
    collection: Collection, number: int
) -> None:
    there = people.make_document(collection, "there", "there.txt")
    works = [at_work(collection, f"{n}.txt") for n in range(4)]
    new = built(there)
    *ends, switched = at_once(
        *[lambda work=work: end(*work) for work in works], lambda: indexes.switch(new)
    )
    assert indexes.active().pk == new.pk if switched else indexes.active().pk != new.pk
    assert set(ends) == ({"queued"} if switched else set(ends))
    assert not (switched and indexes.missing(new).exists())
    there.refresh_from_db()
    assert there.chunk_count == (3 if switched else 1)
    for (_claim, document), said in zip(works, ends, strict=True):
        assert Document.objects.get(pk=document.pk).status == said


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_switch_and_erasures_wait_for_each_other(
    alice: User, collection: Collection, number: int
) -> None:
    made = [people.make_document(collection, f"{n}", f"{n}.txt") for n in range(6)]
    new = built(*made)
    switched, _receipts = at_once(
        lambda: indexes.switch(new), lambda: erase.erase_collection(alice, collection)
    )
    assert switched and indexes.active().pk == new.pk
    assert set(Document.objects.values_list("status", flat=True)) == {"erasing"}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_one_of_two_ends_a_build(collection: Collection, admin: User, number: int) -> None:
    made = people.make_document(collection)
    old, new = indexes.active(), built(made)
    Index.objects.filter(pk=new.pk).update(built_at=timezone.now(), switch_when_built=False)
    new.refresh_from_db()

    def deed(what: Any) -> bool:
        try:
            return what(admin, new) is not False
        except Problem:
            return False

    ends = at_once(lambda: deed(reindex.activate), lambda: deed(reindex.give_up))
    assert Index.objects.get(pk=new.pk).state in ("active", "retired")
    assert indexes.active().pk == (new.pk if ends[0] else old.pk)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_the_first_index_is_made_once(db: None, number: int) -> None:
    assert len({index.pk for index in at_once(*[indexes.active] * 6)}) == 1  # type: ignore[attr-defined]
    assert indexes.active() == Index.objects.get()
