"""A second index beside the one in use: built in the background, switched at once, the old one erased."""

import importlib
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from inference.client import get_client
from inference.fake import FakeClient
from ingest import (
    build,
    chroma,
    claims,
    erase,
    indexes,
    keep,
    lexical,
    pipeline,
    probe,
    reindex,
    retire,
    store,
)
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Extract, Index, IndexedDocument
from ingest.pipeline import process_document
from tests import people
from tests.ingest.conftest import Add, Put, made_vectors

pytestmark = pytest.mark.django_db

OTHER = "all-minilm-l6-v2"
MUST_WAIT = build.must_wait
LEAVE = "# Annual leave\n\nEvery employee has 28 days of annual leave per year.\n"
RULES = "\n\n".join(
    f"## Section {n}\n\n" + f"In case {n} the office closes on day {n}. " * 12 for n in range(8)
)


class Killed(BaseException):
    """Nothing handles it, as nothing handles a kill."""


@pytest.fixture(autouse=True)
def _no_grace(settings: Any) -> None:
    settings.INDEX_GRACE_SECONDS = 0


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.build.must_wait", lambda _: False)


def test_what_was_read_for_longer_than_the_grace_goes_into_the_index_in_use(
    put: Put, add: Add, vectors: str
) -> None:
    add("a.md", LEAVE)
    document = put("b.md", "Sick leave is six weeks; reading this took hours.").document
    old = active()
    claim = claims.take(document.pk)
    assert claim is not None and claim.index == old
    new = Index.objects.create(embedder=old.embedder, chunking=old.chunking)
    build.go_on(new.pk)
    assert active() == new
    assert retire.drop(old.pk) and not Index.objects.filter(pk=old.pk).exists()
    pipeline.process(claim)
    document.refresh_from_db()
    assert (document.status, document.error_code) == ("ready", "")
    assert {chunk.index for chunk in document.chunks.all()} == {new}


def test_the_switch_counts_passages_in_few_queries(
    add: Add, vectors: str, django_assert_max_num_queries: Any
) -> None:
    documents = [add(f"{n}.md", LEAVE + str(n)) for n in range(6)]
    new = Index.objects.create(embedder=active().embedder, chunking=active().chunking)
    for document in documents:
        IndexedDocument.objects.create(index=new, document=document, chunk_count=7)
    with django_assert_max_num_queries(3):
        indexes._count(new)
    assert set(Document.objects.values_list("chunk_count", flat=True)) == {7}


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is embedded from now on."""
    texts: list[str] = []
    real = FakeClient.embed_passages

    def call(self: FakeClient, given: Any, **named: Any) -> Any:
        texts.extend(given)
        return real(self, given, **named)

    monkeypatch.setattr(FakeClient, "embed_passages", call)
    return texts


def later(index: Index) -> None:
    """A minute later: what was killed or rested may be taken again."""
    past = timezone.now() - timedelta(seconds=1)
    Index.objects.filter(pk=index.pk).update(lease_until=past)
    Document.objects.exclude(lease_until=None).update(lease_until=past)


def found(collection: Collection, question: str = "annual leave") -> set[Any]:
    """The indexes of what is found by words and by meaning, both asked in the one in use."""
    index = active()
    vector = get_client().embed_queries([question], embedder=index.embedder)[0]
    hits = store.search(vector, [collection.pk], 10, index=index)
    assert hits, "by meaning"
    words = lexical.search(question, [collection.pk], 10, index=index.pk)
    assert words, "by words"
    pks = [hit.chunk for hit in (*hits, *words)]
    return set(Chunk.objects.filter(pk__in=pks).values_list("index_id", flat=True))


def whole(index: Index) -> None:
    """Rows, words, vectors and documents of an index say the same; nothing is double."""
    rows = set(index.chunks.values_list("pk", flat=True))
    assert sum(Document.objects.values_list("chunk_count", flat=True)) == len(rows) > 0
    assert not index.chunks.filter(vector=None).exists()
    held = sum(chroma.count(name) for name in chroma.names(ends=f"-{index.pk.hex}"))
    assert held == made_vectors(index.chunks.all())
    with connection.cursor() as cursor:
        cursor.execute("SELECT chunk FROM ingest_lexical")
        words = [str(row[0]).replace("-", "") for row in cursor.fetchall()]
    assert sorted(word for word in words if word in {pk.hex for pk in rows}) == sorted(
        pk.hex for pk in rows
    )


# --- build and switch -----------------------------------------------------------------------------


def test_another_embedder_is_built_beside_and_put_to_use_at_once(
    add: Add, collection: Collection, embedded: list[str]
) -> None:
    old_document, old = add("leave.md", LEAVE), active()
    add("rules.md", RULES)
    del embedded[:]
    new = reindex.begin(None, embedder=OTHER)
    assert (active(), found(collection)) == (old, {old.pk})
    assert reindex.progress(new) == reindex.Progress(0, 2, "")
    build.go_on(new.pk)
    assert active() == new and found(collection) == {new.pk}
    assert len(embedded) == made_vectors(new.chunks.all()) > new.chunks.count() > 8
    whole(new)
    old.refresh_from_db()
    assert old.state == "retired" and old.chunks.exists()
    assert {chunk.document_id for chunk in old.chunks.all()} >= {old_document.pk}
    names = [actions.INDEX_BEGUN, actions.INDEX_ACTIVATED]
    assert [Entry.objects.filter(action=name).count() for name in names] == [1, 1]


def test_the_same_embedder_embeds_nothing_again(
    add: Add, collection: Collection, embedded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add("rules.md", RULES)
    del embedded[:]
    new = reindex.begin(None)
    build.go_on(new.pk)
    assert active() == new and embedded == []
    whole(new)


def test_other_rules_change_how_many_passages_a_document_has(
    add: Add, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = add("rules.md", RULES)
    real = pipeline.cut
    monkeypatch.setattr("ingest.pipeline.cut", lambda *given: real(*given)[:7])
    build.go_on(reindex.begin(None).pk)
    document.refresh_from_db()
    assert document.chunk_count == 7
    whole(active())


def test_what_is_built_to_be_looked_at_waits_until_it_is_activated(
    add: Add, put: Put, collection: Collection
) -> None:
    add("leave.md", LEAVE)
    old = active()
    new = reindex.begin(None, embedder=OTHER, switch_when_built=False)
    build.go_on(new.pk)
    new.refresh_from_db()
    assert active() == old and new.built_at and new.state == "building"
    vector = get_client().embed_queries(["annual leave"])[0]
    (hit,) = store.search(vector, [collection.pk], 5, index=new)
    assert Chunk.objects.get(pk=hit.chunk).index == new
    add("more.md", LEAVE.replace("28", "30"))
    assert not reindex.activate(None, new) and active() == old
    build.go_on(new.pk)
    assert active() == new and found(collection) == {new.pk}
    whole(new)


def test_uploads_meanwhile_are_found_before_and_after(
    add: Add, put: Put, collection: Collection
) -> None:
    add("leave.md", LEAVE)
    old, new = active(), reindex.begin(None, embedder=OTHER)
    add("more.md", LEAVE.replace("28", "30"))
    assert found(collection) == {old.pk}
    late = put("late.md", LEAVE.replace("28", "31")).document
    claim = claims.take(late.pk)
    assert claim is not None and claim.index == old
    pipeline._words(claim, late)
    build.go_on(new.pk)
    assert active() == new
    pipeline.process(claim)
    late.refresh_from_db()
    assert (late.status, late.attempts) == ("queued", 0), "made again for the index in use"
    process_document(late.pk)
    late.refresh_from_db()
    assert late.status == "ready" and late.chunks.filter(index=new).count() == late.chunk_count
    Chunk.objects.filter(index=old).delete()
    whole(new)


def test_a_document_that_becomes_ready_at_the_last_moment_is_not_missed(
    add: Add, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("leave.md", LEAVE)
    old, new = active(), reindex.begin(None, embedder=OTHER)
    real = build._end

    def end(claim: build.Build) -> None:
        monkeypatch.setattr("ingest.build._end", real)
        add("more.md", LEAVE.replace("28", "30"))
        real(claim)

    monkeypatch.setattr("ingest.build._end", end)
    build.go_on(new.pk)
    assert active() == old
    build.go_on(new.pk)
    assert active() == new
    whole(new)


# --- kills ----------------------------------------------------------------------------------------

STEPS = [
    "ingest.extracts.load",
    "ingest.keep.write_rows",
    "ingest.keep.lexical.index",
    "ingest.vectors.store.upsert",
    "ingest.vectors._keep",
    "ingest.probe.check",
    "ingest.build.IndexedDocument.objects.update_or_create",
    "ingest.indexes.switch",
    "ingest.indexes._count",
    "ingest.indexes.record",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_anywhere_doubles_nothing_and_loses_nothing(
    add: Add, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    add("rules.md", RULES)
    new = reindex.begin(None, embedder=OTHER)
    with monkeypatch.context() as killing:
        real = _resolve(step)

        def killed(*given: Any, **named: Any) -> Any:
            real(*given, **named)
            raise Killed

        killing.setattr(step, killed)
        with pytest.raises(Killed):
            build.go_on(new.pk)
    later(new)
    build.go_on(new.pk)
    assert active() == new
    whole(new)
    assert not Index.objects.exclude(lease=None).exists()


def _resolve(path: str) -> Callable[..., Any]:
    parts = path.split(".")
    found: Any = importlib.import_module(".".join(parts[:2]))
    for part in parts[2:]:
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def test_two_workers_do_not_build_the_same(add: Add) -> None:
    add("leave.md", LEAVE)
    new = reindex.begin(None, embedder=OTHER)
    assert build.take(new.pk, "building") and build.take(new.pk, "building") is None
    build.go_on(new.pk)
    assert not IndexedDocument.objects.exists()


def test_it_makes_way_for_files_and_goes_on_after(
    add: Add, put: Put, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    for number in range(3):
        add(f"{number}.md", LEAVE.replace("28", str(number)))
    monkeypatch.setattr(build, "must_wait", MUST_WAIT)
    monkeypatch.setattr(build, "SHARE_SECONDS", 0.0)
    settings.WORKER_PROCESSES = 1
    new = reindex.begin(None, embedder=OTHER)
    waiting = put("more.md", LEAVE).document
    build.go_on(new.pk)
    assert reindex.progress(new).done == 1
    new.refresh_from_db()
    assert new.lease is None and new.lease_until is not None
    process_document(waiting.pk)
    later(new)
    build.go_on(new.pk)
    assert active() == new


# --- what goes wrong ------------------------------------------------------------------------------


def test_without_chroma_or_models_it_rests_and_says_why(
    add: Add, settings: Any, vectors: str
) -> None:
    add("leave.md", LEAVE)
    new = reindex.begin(None, embedder=OTHER)
    settings.CHROMA_URL = "http://127.0.0.1:9"
    build.go_on(new.pk)
    settings.CHROMA_URL = vectors
    assert reindex.progress(new).code == "vectors-unavailable"
    build.go_on(new.pk)
    assert active() != new, "it rests"
    later(new)
    build.go_on(new.pk)
    assert active() == new


def test_a_document_that_cannot_be_made_keeps_the_old_index_in_use_and_no_other_waiting(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, _good = add("leave.md", LEAVE), add("rules.md", RULES)
    old, new = active(), reindex.begin(None, embedder=OTHER)
    real = probe.check

    def check(work: Any, document: Document, count: int) -> None:
        if document.pk == bad.pk:
            raise probe._not_findable()
        real(work, document, count)

    with monkeypatch.context() as failing:
        failing.setattr("ingest.probe.check", check)
        build.go_on(new.pk)
    assert active() == old
    assert reindex.progress(new) == reindex.Progress(1, 2, "index-incomplete")
    later(new)
    build.go_on(new.pk)
    assert active() == new


def test_what_nothing_was_kept_of_keeps_its_passages(add: Add) -> None:
    document = add("rules.md", RULES)
    Extract.objects.all().delete()
    before = list(document.chunks.order_by("ordinal").values_list("text", "page", "start"))
    build.go_on(reindex.begin(None, embedder=OTHER).pk)
    after = document.chunks.filter(index=active()).order_by("ordinal")
    assert list(after.values_list("text", "page", "start")) == before


def test_rules_that_change_meanwhile_begin_anew(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add("leave.md", LEAVE)
    new = reindex.begin(None, switch_when_built=False)
    build.go_on(new.pk)
    monkeypatch.setattr("ingest.build.RULES", "next")
    build.go_on(new.pk)
    new.refresh_from_db()
    assert new.chunking == "next" and IndexedDocument.objects.count() == 1


def test_who_may_and_what_is_refused(
    add: Add, alice: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("leave.md", LEAVE)
    with pytest.raises(PermissionDenied):
        reindex.begin(alice)
    with pytest.raises(Problem, match="embedder-unknown") as unknown:
        reindex.begin(admin, embedder="no-such")
    assert OTHER in str(unknown.value.detail)
    with monkeypatch.context() as full:
        full.setattr("ingest.reindex.shutil.disk_usage", lambda _: type("Free", (), {"free": 1}))
        if connection.vendor == "sqlite":
            with pytest.raises(Problem, match="index-no-space"):
                reindex.begin(admin)
    new = reindex.begin(admin, embedder=OTHER)
    with pytest.raises(Problem, match="index-building"):
        reindex.begin(admin)
    for deed in (reindex.activate, reindex.give_up):
        with pytest.raises(PermissionDenied):
            deed(alice, new)
        with pytest.raises(Problem, match="index-not-building"):
            deed(admin, active())


# --- erasing --------------------------------------------------------------------------------------


def test_an_erased_document_leaves_every_index(
    add: Add, alice: User, collection: Collection
) -> None:
    document, _other = add("leave.md", LEAVE), add("rules.md", RULES)
    new = reindex.begin(None, embedder=OTHER, switch_when_built=False)
    build.go_on(new.pk)
    erase.erase_document(alice, document)
    assert erase.finish_document(document.pk)
    assert not Chunk.objects.filter(document_id=document.pk).exists()
    reindex.activate(None, new)
    whole(new)


def test_an_erasure_waits_for_the_worker_that_is_writing(
    add: Add, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors that come after it would stay in Chroma."""
    document = add("leave.md", LEAVE)
    new = reindex.begin(None, embedder=OTHER)
    real, finished = store.upsert, list[bool]()

    def upsert(*given: Any) -> None:
        erase.erase_document(alice, document)
        finished.append(erase.finish_document(document.pk))
        real(*given)

    monkeypatch.setattr("ingest.vectors.store.upsert", upsert)
    build.go_on(new.pk)
    assert finished == [False]
    later(new)
    Document.objects.update(lease_until=timezone.now() - timedelta(seconds=5))
    assert erase.finish_document(document.pk)
    assert not Chunk.objects.exists()
    assert all(chroma.count(name) == 0 for name in chroma.names(ends=f"-{new.pk.hex}"))


def test_a_replaced_index_goes_but_for_what_is_cited(add: Add, alice: User, settings: Any) -> None:
    document = add("rules.md", RULES)
    old, cited = active(), document.chunks.order_by("ordinal")[3]
    conversation = people.make_conversation(alice, cited)
    build.go_on(reindex.begin(None, embedder=OTHER).pk)
    settings.INDEX_GRACE_SECONDS = 3600
    assert not retire.drop(old.pk) and old.chunks.count() > 1, "answers may still load them"
    settings.INDEX_GRACE_SECONDS = 0
    assert not retire.drop(old.pk)
    (left,) = old.chunks.all()
    assert left.pk == cited.pk and left.vector is None and left.text == cited.text
    assert chroma.names(ends=f"-{old.pk.hex}") == []
    assert list(retire.due()) == [], "until tomorrow"
    whole(active())
    conversation.delete()
    later(old)
    assert retire.drop(old.pk) and not Index.objects.filter(pk=old.pk).exists()
    assert Entry.objects.filter(action=actions.INDEX_ERASED).count() == 1


def test_what_is_given_up_goes_at_once(add: Add, settings: Any) -> None:
    settings.INDEX_GRACE_SECONDS = 3600
    add("leave.md", LEAVE)
    old, new = active(), reindex.begin(None, embedder=OTHER, switch_when_built=False)
    build.go_on(new.pk)
    reindex.give_up(None, new)
    assert retire.drop(new.pk) and active() == old
    assert not Chunk.objects.filter(index_id=new.pk).exists()
    reindex.begin(None, embedder=OTHER)


def test_a_worker_that_has_an_older_index_keeps_it_from_going(
    add: Add, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("leave.md", LEAVE)
    old = active()
    late = put("late.md", LEAVE.replace("28", "31")).document
    claim = claims.take(late.pk)
    assert claim is not None
    parsed = pipeline._parse(claim, late)
    keep.words(claim, late, parsed, pipeline.cut(late, parsed))
    build.go_on(reindex.begin(None, embedder=OTHER).pk)
    assert not retire.drop(old.pk) and old.chunks.count() == 2


# --- the page, the command ------------------------------------------------------------------------


def test_a_link_to_a_replaced_passage_leads_to_the_same_words(
    add: Add, bob: User, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = add("rules.md", RULES)
    named = document.chunks.order_by("ordinal")[5]
    start = named.text.index("the office")
    build.go_on(reindex.begin(None, embedder=OTHER).pk)
    address = f"/documents/{document.pk}?chunk={named.pk}&quote={start}-{start + 10}"
    page = client_for(bob).get(address).content.decode()
    assert "<mark" in page and "the office</mark>" in page


def test_the_command(add: Add, settings: Any) -> None:
    def said(*options: str) -> str:
        out = StringIO()
        call_command("reindex", *options, stdout=out)
        return out.getvalue()

    add("leave.md", LEAVE)
    with pytest.raises(CommandError, match="No index is being built"):
        said("--activate")
    with pytest.raises(CommandError, match="embedder-unknown"):
        said("--embedder", "no-such")
    assert "1 documents" in said("--embedder", OTHER, "--keep")
    assert f"building: embedder {OTHER}" in said("--status") and "0 of 1" in said("--status")
    build.go_on(Index.objects.get(state="building").pk)
    assert "In use" in said("--activate")
    assert "another embedder" in said("--status")
    said("--keep")
    assert "Given up" in said("--give-up")


def test_words_of_an_index_go_in_batches_with_the_lease_renewed(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        add(f"{n}.md", LEAVE.replace("28", str(n)))
    old = active()
    build.go_on(reindex.begin(None, embedder=OTHER).pk)
    monkeypatch.setattr(retire, "BATCH", 2)
    asked: list[int] = []
    some = lexical.remove_some

    def counted(pk: Any, most: int) -> Any:
        asked.append(most)
        return some(pk, most)

    monkeypatch.setattr(lexical, "remove_some", counted)
    renewed: list[bool] = []
    renew = build.Build.renew

    def kept(self: build.Build) -> None:
        renewed.append(True)
        renew(self)

    monkeypatch.setattr(build.Build, "renew", kept)
    assert retire.drop(old.pk)
    assert asked == [2, 2, 2] and len(renewed) >= 2 * len(asked)
    assert not lexical.indexed("leave", [Collection.objects.get().pk], 9, ["en"], index=old.pk)


def test_a_build_goes_on_behind_the_last_and_looks_once_more_before_the_end(add: Add) -> None:
    documents = [add(f"{n}.md", LEAVE.replace("28", str(n))) for n in range(3)]
    made = reindex.begin(None, embedder=OTHER, switch_when_built=False)
    claim = build.take(made.pk, Index.State.BUILDING)
    assert claim is not None
    rows = list(indexes.missing(made))
    assert [build._next(claim), build._next(claim)] == rows[:2], "nobody made them: it goes on"
    with CaptureQueriesContext(connection) as queries:
        assert build._next(claim) == rows[2]
    assert len(queries) == 1
    assert build._next(claim) == rows[0], "what was missed is found before the end"
    for document in documents:
        IndexedDocument.objects.create(index=made, document=document, chunk_count=1)
    assert build._next(claim) is None


def test_documents_that_became_ready_at_once_are_all_found(add: Add) -> None:
    documents = {add(f"{n}.md", LEAVE.replace("28", str(n))).pk for n in range(3)}
    Document.objects.update(ready_at=timezone.now())
    made = reindex.begin(None, embedder=OTHER, switch_when_built=False)
    claim = build.take(made.pk, Index.State.BUILDING)
    assert claim is not None
    assert {getattr(build._next(claim), "pk", None) for _ in documents} == documents
