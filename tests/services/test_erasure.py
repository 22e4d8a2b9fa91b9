"""Erasures on PostgreSQL: many at once, proven as far as bytes can be seen, said where they cannot."""

import pytest
from django.db import connection

from accounts.models import User
from ingest import canaries, erase, forgotten, lexical, proving, receipts
from ingest.models import Collection, Document, Forgotten, Receipt
from ingest.upload import upload
from tests import people
from tests.ingest.conftest import Add, add, put  # noqa: F401 (fixtures)
from tests.services.test_races import at_once

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
LEAVE = "# Lanterns\n\nWilhelmina Oosterhuis lights 4417 bramblewick lanterns before midnight."


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NOTHING WAS ERASED: `make test-services` brings PostgreSQL")


def test_it_is_gone_and_the_receipt_names_what_cannot_be_seen(
    add: Add,  # noqa: F811
    alice: User,
    collection: Collection,
) -> None:
    document = add("lanterns.md", LEAVE)
    add("meals.md", "# Meals\n\nMeals cost 5 euros before midnight.")
    assert lexical.elsewhere(["midnight", "bramblewick"], document.pk) == {"midnight"}
    assert canaries.pieces(document, words=True).texts
    receipt = erase.erase_document(alice, document)
    assert erase.finish_document(document.pk)
    proved = proving.prove()
    receipt.refresh_from_db()
    assert proved and receipt.state == "proven", receipt.checks
    assert "database" not in receipt.checks[-1]["here"]
    assert any("PostgreSQL" in row["what"] for row in receipts.remains(receipt))


@pytest.mark.parametrize("number", range(6))
def test_of_two_erasures_and_an_upload_at_once_each_is_whole(
    alice: User, erin: User, collection: Collection, number: int
) -> None:
    document = people.make_document(collection, LEAVE)
    with document.file.open() as file:
        done = at_once(
            lambda: erase.erase_document(alice, document),
            lambda: erase.erase_document(erin, document),
            lambda: upload(alice, collection, file, name="leave.txt"),
        )
    assert len([each for each in done if isinstance(each, Receipt)]) == 1
    document.refresh_from_db()
    assert document.status == "erasing"
    living = Document.objects.exclude(status="erasing")
    known = forgotten.is_forgotten(collection, document.sha256)
    assert Forgotten.objects.count() + living.count() >= 1
    assert known == "bytes" or living.count() == 1
