"""Filters take away, and never show whether something is there that a person may not read."""

from datetime import date
from uuid import UUID, uuid4

import pytest
from django.http import Http404

from accounts.models import User
from ingest.filters import KINDS, MEDIA_TYPES, Filters, check_documents, matching, offered
from ingest.models import Collection, Document
from ingest.parsers.registry import FOLDERS, PDF, SUPPORTED, XLSX
from tests.people import make_collection, make_document

EARLY, LATE = date(2023, 5, 1), date(2024, 5, 1)


@pytest.fixture
def guide(collection: Collection) -> Document:
    return make_document(collection, "The guide of 2023.", name="guide.pdf", dated=EARLY)


@pytest.fixture
def rates(collection: Collection) -> Document:
    document = make_document(collection, "Raten von 2024.", name="raten.xlsx", dated=LATE)
    Document.objects.filter(pk=document.pk).update(media_type=XLSX, language="de")
    Document.objects.exclude(pk=document.pk).update(media_type=PDF)
    return document


def found(user: User, **parts: object) -> set[UUID]:
    ids = matching(user, Filters(**parts), None)  # type: ignore[arg-type]
    assert ids is not None
    return set(ids)


def test_nothing_chosen_filters_nothing(alice: User, guide: Document) -> None:
    assert not Filters()
    assert matching(alice, Filters(), [guide.collection_id]) is None


def test_each_part_narrows(bob: User, guide: Document, rates: Document) -> None:
    assert found(bob, kinds=frozenset({"pdf"})) == {guide.pk}
    assert found(bob, languages=frozenset({"de"})) == {rates.pk}
    assert found(bob, documents=frozenset({rates.pk})) == {rates.pk}
    assert found(bob, since=date(2024, 1, 1)) == {rates.pk}
    assert found(bob, until=EARLY) == {guide.pk}
    assert found(bob, since=EARLY, until=LATE) == {guide.pk, rates.pk}
    assert found(bob, kinds=frozenset({"pdf"}), languages=frozenset({"de"})) == set()


def test_a_kind_that_does_not_exist_matches_nothing(bob: User, guide: Document) -> None:
    assert found(bob, kinds=frozenset({"hologram"})) == set()


def test_a_document_without_a_day_is_of_the_day_it_came(bob: User, collection: Collection) -> None:
    document = make_document(collection)
    Document.objects.update(dated=None)
    assert found(bob, since=document.created_at.date()) == {document.pk}
    assert found(bob, until=date(2000, 1, 1)) == set()


def test_only_the_chosen_collections(alice: User, guide: Document) -> None:
    other = make_collection(alice, name="Other")
    mine = make_document(other, "Elsewhere.", name="x.txt", dated=EARLY)
    filters = Filters(until=LATE)
    assert matching(alice, filters, [other.pk]) == frozenset({mine.pk})
    assert matching(alice, filters, []) == frozenset()


def test_a_filter_never_widens_what_may_be_read(charlie: User, bob: User, guide: Document) -> None:
    wanted = Filters(documents=frozenset({guide.pk}))
    assert matching(charlie, wanted, [guide.collection_id]) == frozenset()
    assert offered(charlie) == ([], [])
    Document.objects.filter(pk=guide.pk).update(visible=False)
    assert matching(bob, wanted, [guide.collection_id]) == frozenset()


def test_an_unknown_document_does_not_exist(charlie: User, bob: User, guide: Document) -> None:
    check_documents(bob, [guide.pk])
    check_documents(charlie, [])
    for user, pk in ((charlie, guide.pk), (bob, uuid4())):
        with pytest.raises(Http404):
            check_documents(user, [pk])


def test_what_is_there_can_be_chosen(bob: User, guide: Document, rates: Document) -> None:
    assert offered(bob) == (["pdf", "sheet"], ["de", "en"])


def test_every_format_has_one_kind() -> None:
    kinds = [media_type for kind in KINDS for media_type in MEDIA_TYPES[kind]]
    assert sorted(kinds) == sorted(SUPPORTED.keys() - FOLDERS)


def test_the_record_gets_no_words() -> None:
    filters = Filters(languages=frozenset({"de", "the secret word!"}), since=EARLY)
    assert filters.recorded() == {"filter_languages": ["de"], "filter_since": "2023-05-01"}
