"""Found by its words as soon as it is read, by its meaning later; resumed wherever it was killed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from chat.answer import answer
from chat.ask import Ask
from chat.events import Done, Token
from chat.retrieve import Scope, retrieve
from inference.client import get_client
from inference.fake import FakeClient
from ingest import claims, documents, lexical, recover, store
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Extract, Index
from ingest.parsers.sandbox import parse_isolated
from ingest.pipeline import process_document
from tests.ingest.conftest import Add, Put, held_vectors, made_vectors

pytestmark = pytest.mark.django_db

LEAVE = "# Annual leave\n\nEvery employee has 28 days of annual leave per year.\n"
NOWHERE = "http://127.0.0.1:9"


class Killed(BaseException):
    """Nothing of the pipeline handles it, as nothing handles a kill."""


@pytest.fixture
def away(vectors: str, settings: Any) -> Iterator[Callable[[], None]]:
    """Chroma is away until this is called."""
    settings.CHROMA_URL = NOWHERE

    def back() -> None:
        settings.CHROMA_URL = vectors

    yield back
    back()


def rules(sections: int, changed: str = "") -> str:
    """A document of one passage a section."""
    parts = ["# Rules"]
    for number in range(sections):
        day = changed if changed and number == 1 else f"day {number}"
        parts += [f"## Section {number}", f"In case {number} the office closes on {day}. " * 12]
    return "\n\n".join(parts)


def again(document: Document) -> Document:
    """What the sweep and the next worker do."""
    Document.objects.filter(pk=document.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
    recover.expired_leases()
    process_document(document.pk)
    document.refresh_from_db()
    return document


#: What tests with transactions of their own left in the index: no flush of Django's knows FTS5.
STALE: set[str] = set()


@pytest.fixture(autouse=True)
def _stale(db: None) -> None:
    STALE.clear()
    STALE.update(indexed())


def indexed() -> list[str]:
    """The passages in the index of words."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT chunk FROM ingest_lexical")
        return [str(row[0]).replace("-", "") for row in cursor.fetchall()]


def whole(document: Document) -> None:
    """Nothing is double and nothing is missing: rows, words and vectors say the same."""
    chunks = set(document.chunks.values_list("id", flat=True))
    assert document.status == "ready" and document.visible and document.ready_at
    assert len(chunks) == document.chunk_count > 0
    assert not document.chunks.filter(vector__isnull=True).exists()
    found = [chunk for chunk in indexed() if chunk not in STALE]
    assert sorted(found) == sorted(pk.hex for pk in Chunk.objects.values_list("id", flat=True))
    assert held_vectors(document.collection_id) == made_vectors(Chunk.objects.all())


def seen(collection: Collection, question: str = "annual leave days") -> set[str]:
    """The versions that a search finds by words and by meaning, by how many days they give."""
    words = lexical.search(question, [collection.pk], 20, index=active().pk)
    dense = store.search(
        get_client().embed_queries([question])[0], [collection.pk], 20, index=active()
    )
    chunks = Chunk.objects.filter(pk__in=[hit.chunk for hit in (*words, *dense)])
    return {text.split(" days")[0].split()[-1] for text in chunks.values_list("text", flat=True)}


# --- words first --------------------------------------------------------------------------------


def test_a_reader_finds_it_by_words_while_its_vectors_are_still_to_come(
    put: Put, bob: User, charlie: User, collection: Collection, away: Callable[[], None]
) -> None:
    document = put("leave.md", LEAVE).document
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.stage) == ("queued", "embed")
    assert document.visible and document.words_at and document.ready_at is None
    assert document.title == "Annual leave" and document.chunk_count == 1
    ((found,),) = retrieve(Scope(bob, [collection.pk], active()), ["annual leave"])
    assert found.lexical is not None and found.dense is None
    assert retrieve(Scope(charlie, [collection.pk], active()), ["annual leave"]) == [[]]

    question = "How many days of annual leave does every employee have?"
    asked = Ask(bob, question, (collection.pk,), uuid4())
    events = list(answer(asked, stopped=lambda: False))
    assert "28 days" in "".join(event.text for event in events if isinstance(event, Token))
    assert isinstance(events[-1], Done) and events[-1].status == "complete"

    away()
    whole(again(document))
    ((found,),) = retrieve(Scope(bob, [collection.pk], active()), ["annual leave"])
    assert found.lexical is not None and found.dense is not None
    assert set(document.reading["seconds"]) >= {"parse", "chunk", "words", "embed", "probe"}


def test_what_failed_is_not_found_and_a_retry_shows_it_again(
    put: Put, alice: User, collection: Collection, away: Callable[[], None]
) -> None:
    document = put("leave.md", LEAVE).document
    process_document(document.pk)
    assert seen(collection) == {"28"}
    Document.objects.update(status="processing", lease=uuid4())
    claims.fail(Document.objects.filter(pk=document.pk), "internal-error", "x")
    assert seen(collection) == set()
    away()
    documents.retry(alice, document)
    process_document(document.pk)
    document.refresh_from_db()
    whole(document)
    assert seen(collection) == {"28"}


def test_what_nobody_may_find_keeps_nothing_from_being_found(
    add: Add, collection: Collection
) -> None:
    """A document that was stopped stays in the index: its hundred passages are all better answers."""
    shown = add("leave.md", LEAVE + "Other words of which there are some more. " * 12)
    hidden = add(
        "hidden.md", "\n\n".join(f"# Annual leave {n}\n" + " annual leave" * 45 for n in range(60))
    )
    Document.objects.filter(pk=hidden.pk).update(visible=False, status="failed")
    assert hidden.chunk_count > 30
    (hit,) = lexical.search("annual leave", [collection.pk], 2, index=active().pk)
    assert hit.chunk == shown.chunks.get().pk


# --- kills --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "read_again"),
    [
        ("pipeline.parse_isolated", True),
        ("extracts.wire.pack", True),
        ("pipeline.chunk_document", False),
        ("keep.lexical.index", False),
        ("keep.show", False),
        ("vectors.store.upsert", False),
        ("vectors.to_bytes", False),
        ("probe.lexical.indexed", False),
        ("keep.record", False),
    ],
)
def test_a_kill_anywhere_doubles_nothing_and_loses_nothing(
    vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch, place: str, read_again: bool
) -> None:
    document = put("rules.md", rules(5)).document
    calls = counted(monkeypatch)
    with monkeypatch.context() as killing:
        killing.setattr(f"ingest.{place}", killed)
        with pytest.raises(Killed):
            process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "processing"
    whole(again(document))
    assert document.attempts <= 2
    assert len(calls) == 1 + (read_again and place != "pipeline.parse_isolated")


def killed(*_: object, **__: object) -> None:
    raise Killed


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The files that are parsed from now on."""
    real, calls = parse_isolated, list[Any]()

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return real(*arguments, **named)

    monkeypatch.setattr("ingest.pipeline.parse_isolated", call)
    return calls


@pytest.fixture
def embedded(whole_passages: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call embeds; the fourth call is killed."""
    calls: list[int] = []
    real = FakeClient.embed_passages

    def call(self: FakeClient, texts: Any, **named: Any) -> Any:
        calls.append(len(texts))
        if len(calls) == 4:
            raise Killed
        return real(self, texts, **named)

    monkeypatch.setattr(FakeClient, "embed_passages", call)
    return calls


def test_embedding_goes_on_with_what_is_left(vectors: str, put: Put, embedded: list[int]) -> None:
    document = put("rules.md", rules(100)).document
    with pytest.raises(Killed):
        process_document(document.pk)
    document.refresh_from_db()
    assert (document.stage, document.done, document.total) == ("embed", 96, document.chunk_count)
    assert document.chunks.filter(vector__isnull=False).count() == 96
    ready = again(document)
    whole(ready)
    assert sum(embedded[4:]) == document.chunk_count - 96
    # The batches are in order of length, the passages are not.
    last = document.chunks.get(ordinal=document.chunk_count - 1)
    hits = store.search(
        get_client().embed_passages([last.text])[0], [document.collection_id], 1, index=active()
    )
    assert hits[0].chunk == last.pk


def test_another_index_meanwhile_begins_anew(vectors: str, put: Put, embedded: list[int]) -> None:
    document = put("rules.md", rules(100)).document
    with pytest.raises(Killed):
        process_document(document.pk)
    Index.objects.update(state="retired")
    index = Index.objects.create(state="active", embedder="another")
    again(document)
    document.chunks.exclude(index=index).delete()
    assert set(document.chunks.values_list("index", flat=True)) == {index.pk}
    assert sum(embedded[4:]) == document.chunk_count


def test_many_passages_wait_for_their_turn_among_slow_work(
    vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch, collection: Collection
) -> None:
    monkeypatch.setattr("ingest.vectors.QUICK_PASSAGES", 10)
    document = put("rules.md", rules(12)).document
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.lane, document.attempts) == ("queued", "slow", 0)
    assert document.visible and lexical.search(
        "office closes", [collection.pk], 5, index=active().pk
    )
    process_document(document.pk)
    document.refresh_from_db()
    whole(document)


def test_what_an_older_release_kept_is_read_anew(
    vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = put("leave.md", LEAVE).document
    with monkeypatch.context() as killing:
        killing.setattr("ingest.pipeline.chunk_document", killed)
        with pytest.raises(Killed):
            process_document(document.pk)
    Extract.objects.update(data=b"of another form")
    whole(again(document))


# --- versions -----------------------------------------------------------------------------------


def test_a_new_version_is_hidden_until_all_of_it_is_there(
    vectors: str, add: Add, put: Put, collection: Collection, settings: Any
) -> None:
    old = add("leave.md", LEAVE)
    new = put("leave.md", LEAVE.replace("28", "31")).document
    settings.CHROMA_URL = NOWHERE
    process_document(new.pk)
    new.refresh_from_db()
    assert new.words_at and not new.visible
    assert seen(collection) == {"28"}
    settings.CHROMA_URL = vectors
    again(new)
    old.refresh_from_db()
    assert seen(collection) == {"31"}
    assert (old.status, old.visible, new.visible) == ("erasing", False, True)


def test_two_versions_on_their_way_are_never_found_together(
    put: Put, collection: Collection, away: Callable[[], None]
) -> None:
    first = put("leave.md", LEAVE).document
    second = put("leave.md", LEAVE.replace("28", "31")).document
    process_document(second.pk)
    assert seen(collection) == {"31"}
    process_document(first.pk)
    assert seen(collection) == {"31"}
    away()
    again(first)
    assert seen(collection) == {"28"}, "it is complete, the newer one is not"
    again(second)
    assert seen(collection) == {"31"}
    first.refresh_from_db()
    assert first.status == "erasing"


def test_a_new_version_of_what_failed_is_shown_at_once(
    put: Put, add: Add, collection: Collection, settings: Any
) -> None:
    add("leave.html", "<html><body><img src='x.png'></body></html>")
    settings.CHROMA_URL = NOWHERE
    process_document(put("leave.html", "<p>Annual leave is 28 days a year.</p>").document.pk)
    assert seen(collection) == {"28"}


def test_a_new_version_takes_over_the_vectors_of_what_it_repeats(
    whole_passages: None, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add("rules.md", rules(40))
    texts: list[str] = []
    real = FakeClient.embed_passages

    def call(self: FakeClient, given: Any, **named: Any) -> Any:
        texts.extend(given)
        return real(self, given, **named)

    monkeypatch.setattr(FakeClient, "embed_passages", call)
    new = add("rules.md", rules(40, changed="Christmas Day"))
    assert new.version == 2 and len(texts) == 1 and "Christmas Day" in texts[0]
    rows = dict(new.chunks.values_list("ordinal", "vector"))
    for ordinal, vector in old.chunks.values_list("ordinal", "vector"):
        assert (bytes(rows[ordinal] or b"") == bytes(vector or b"")) == (ordinal != 1)
    assert new.status == "ready" and not new.chunks.filter(vector__isnull=True).exists()
