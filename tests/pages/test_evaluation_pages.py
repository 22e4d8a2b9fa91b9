"""The pages of golden questions and runs, without a browser: who gets what, and what bad input gets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts.models import User
from audit.models import Entry
from chat.models import Citation, Message
from evaluation.draft import Draft, draft_of
from evaluation.imports import MOST_BYTES
from evaluation.measures import Row, summary
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.questions import create_question
from evaluation.sets import create_set
from ingest import holds
from ingest.indexes import active
from ingest.models import Collection, Document, Index
from tests import people

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]

HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>{{ 7|add:7 }}"
QUOTE = "Annual leave is 30 days."


@pytest.fixture
def document(collection: Collection) -> Document:
    return people.make_document(collection)


@pytest.fixture
def golden(admin: User, collection: Collection, document: Document) -> QuestionSet:
    people.grant(collection, admin, "reader")
    return create_set(admin, name=f"Leave {HOSTILE}", collections=[collection.pk])


@pytest.fixture
def question(admin: User, golden: QuestionSet) -> Question:
    evidence = [{"file": "leave.txt", "page_or_section": "1", "quote": QUOTE}]
    said = f"How long? {HOSTILE}"
    draft = Draft("q-1", question=said, answer=HOSTILE, evidence=evidence, must_contain=["30"])
    return create_question(admin, golden, draft)


def make_run(
    question: Question, document: Document, *, found: bool = True, kind: str = "retrieval"
) -> Run:
    """A finished run of one question."""
    scores = dict.fromkeys(("strict@5", "strict@10", "file@5"), found)
    if kind == "answers":
        scores = {"correct": found, "dangling": not found}
    row = Row(question.key, question.type, question.language, "scored", scores, 12)
    run = Run.objects.create(
        set=question.set,
        kind=kind,
        label=f"{found} {HOSTILE}",
        status=Run.Status.DONE,
        index=active(),
        config={"embedder": HOSTILE, "k": 10 if found else 5},
        started_by=question.created_by,
        done=1,
        total=1,
        scores=summary([row]),
    )
    chunk = document.chunks.get()
    passage = {"chunk": str(chunk.pk), "document": str(document.pk), "rank": 1, "score": 0.5}
    Result.objects.create(
        run=run,
        question=question,
        ordinal=1,
        key=question.key,
        type=question.type,
        language=question.language,
        digest=question.digest,
        scores=scores,
        ms=12,
        passages=[passage],
        answer="30 days [1]." if kind == "answers" else "",
    )
    return run


def page(client: Client, name: str, *args: Any, **data: Any) -> str:
    """The page at that address; what people wrote is in it as text alone."""
    headers = data.pop("headers", {})
    answer = client.get(reverse(f"evaluation:{name}", args=args), data, headers=headers)
    assert answer.status_code == 200, answer.content[:2_000]
    text = str(answer.content.decode())
    assert "<script>alert" not in text and "{#" not in text
    return text


def written(draft: Draft, **fields: str) -> dict[str, str]:
    """What the form of a question sends."""
    sent = {
        "question": draft.question,
        "type": draft.type,
        "language": draft.language,
        "key": draft.key,
        "must_contain": "\n".join(draft.must_contain),
        "evidence-TOTAL_FORMS": str(len(draft.evidence)),
        "evidence-INITIAL_FORMS": "0",
        "turns-TOTAL_FORMS": "0",
        "turns-INITIAL_FORMS": "0",
    }
    if draft.answerable:
        sent["answerable"] = "on"
    for n, part in enumerate(draft.evidence):
        sent |= {f"evidence-{n}-{name}": value for name, value in part.items()}
    return sent | fields


def test_the_pages_show_what_people_wrote_as_text(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    client, run = client_for(admin), make_run(question, document)
    other = make_run(question, document, found=False)
    golden = question.set_id
    assert "&lt;script&gt;" in page(client, "sets")
    assert "{{ 7|add:7 }}" in page(client, "set", golden)
    for name in ("set-change", "set-delete", "question-new", "import", "run-start"):
        page(client, name, golden)
    page(client, "question", question.pk)
    page(client, "question-delete", question.pk)
    page(client, "run", run.pk)
    page(client, "run-delete", run.pk)
    result = page(client, "result", run.results.get().pk)
    assert people.CANARY in result and "holds quote 1" in result
    compared = page(client, "compare", run.pk, **{"with": str(other.pk)})
    assert "+100.0" in compared and "q-1" in compared
    part = page(client, "compare", run.pk, headers=HTMX, **{"with": str(other.pk)})
    assert "q-1" in part and "<svg" not in part


def test_a_run_is_shown_with_its_scores(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    run = make_run(question, document, found=False)
    assert "0 to 79, n = 1" in page(client_for(admin), "sets")
    text = page(client_for(admin), "run", run.pk)
    assert "All evidence, in the right document: first 5" in text
    assert "<strong>0 %</strong>" in text and "0 to 79, n = 1" in text
    assert "q-1" in page(client_for(admin), "results", run.pk, show="lost", headers=HTMX)


def test_failures_alone_are_shown_on_demand(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    run = make_run(question, document)
    client = client_for(admin)
    assert "q-1" in page(client, "results", run.pk, headers=HTMX)
    assert "q-1" not in page(client, "results", run.pk, show="lost", headers=HTMX)
    assert "q-1" not in page(client, "results", run.pk, q="nothing like it", headers=HTMX)
    answers = make_run(question, document, kind="answers", found=False)
    assert "q-1" in page(client, "results", answers.pk, show="lost", headers=HTMX)


def test_what_may_not_be_read_any_more_is_not_shown(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    result = make_run(question, document, kind="answers").results.get()
    client = client_for(admin)
    assert "30 days [1]." in page(client, "result", result.pk)
    document.collection.grants.filter(user=admin).delete()
    answer = client.get(reverse("evaluation:result", args=[result.pk]))
    assert answer.status_code == 404 and people.CANARY not in answer.content.decode()


def test_a_passage_that_is_gone_leaves_its_rank(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    result = make_run(question, document).results.get()
    document.chunks.all().delete()
    assert "This passage is gone" in page(client_for(admin), "result", result.pk)


def test_a_set_is_made_changed_and_deleted(
    client_for: ClientFor, admin: User, collection: Collection
) -> None:
    client = client_for(admin)
    refused = client.post(reverse("evaluation:set-new"), {"name": "Mine"})
    assert refused.status_code == 422 and "Choose at least one" in refused.content.decode()
    sent = {"name": "Mine", "collections": [str(collection.pk)]}
    assert client.post(reverse("evaluation:set-new"), sent).status_code == 422  # not hers to read
    people.grant(collection, admin, "reader")
    client.post(reverse("evaluation:set-new"), sent)
    made = QuestionSet.objects.get()
    again = client.post(reverse("evaluation:set-new"), sent)
    assert "There is a set of that name" in again.content.decode()
    client.post(reverse("evaluation:set-change", args=[made.pk]), sent | {"name": "Ours"})
    assert QuestionSet.objects.get().name == "Ours"
    client.post(reverse("evaluation:set-delete", args=[made.pk]))
    assert not QuestionSet.objects.exists()


def test_a_question_is_written_and_changed(
    client_for: ClientFor, admin: User, golden: QuestionSet
) -> None:
    client = client_for(admin)
    evidence = [{"file": "leave.txt", "page_or_section": "1", "quote": QUOTE}]
    draft = Draft("q-7", question="How long?", evidence=evidence, must_contain=["30", "days"])
    address = reverse("evaluation:question-new", args=[golden.pk])
    answer = client.post(address, written(draft, another="1"))
    assert answer["Location"] == address
    made = golden.questions.get()
    assert (made.must_contain, made.evidence) == (["30", "days"], evidence)
    client.post(
        reverse("evaluation:question", args=[made.pk]), written(draft_of(made), question="And now?")
    )
    made.refresh_from_db()
    assert (made.question, made.evidence) == ("And now?", evidence)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"question": ""}, "This field is required"),
        ({"must_contain": "("}, "This is no regular expression"),
        ({"evidence-TOTAL_FORMS": "0", "must_contain": ""}, "Name a file, with the quote"),
        ({"type": "follow-up"}, "A follow-up needs the turns before it"),
        ({"key": "x" * 101}, "at most 100"),
        ({"evidence-TOTAL_FORMS": "10000000"}, "at most 20"),
    ],
)
def test_a_question_that_cannot_be_kept_is_refused_in_words(
    client_for: ClientFor, admin: User, golden: QuestionSet, fields: dict[str, str], said: str
) -> None:
    evidence = [{"file": "leave.txt", "quote": QUOTE}]
    sent = written(Draft(question="How long?", evidence=evidence), **fields)
    answer = client_for(admin).post(reverse("evaluation:question-new", args=[golden.pk]), sent)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert said in text
    assert not golden.questions.exists()


def test_a_form_without_its_counts_is_refused(
    client_for: ClientFor, admin: User, golden: QuestionSet
) -> None:
    address = reverse("evaluation:question-new", args=[golden.pk])
    answer = client_for(admin).post(address, {"question": "How long?"})
    assert answer.status_code == 422


def test_questions_are_imported_and_exported(
    client_for: ClientFor, admin: User, golden: QuestionSet
) -> None:
    client, address = client_for(admin), reverse("evaluation:import", args=[golden.pk])
    row: dict[str, Any] = {"id": "a", "type": "fact", "language": "en", "question": "How long?"}
    row |= {"answerable": True, "evidence": [{"file": "leave.txt", "quote": QUOTE}]}
    lines = json.dumps(row) + "\n" + json.dumps(row | {"id": "b", "type": HOSTILE}) + "\n"
    refused = client.post(address, {"file": SimpleUploadedFile("q.jsonl", lines.encode())})
    text = refused.content.decode()
    assert refused.status_code == 422 and "<td>2</td>" in text and "<script>alert" not in text
    assert not golden.questions.exists()
    taken = SimpleUploadedFile("q.jsonl", lines.splitlines()[0].encode())
    assert client.post(address, {"file": taken}).status_code == 302
    assert "1 question is new" in page(client, "set", golden.pk)
    for form in ("jsonl", "csv"):
        answer = client.get(reverse("evaluation:export", args=[golden.pk]), {"form": form})
        assert answer["Content-Disposition"].endswith(f'.{form}"')
        again = SimpleUploadedFile(f"q.{form}", answer.content)
        client.post(address, {"file": again})
        assert "1 as they were" in page(client, "set", golden.pk)


def test_an_export_is_recorded_and_of_the_type_that_the_api_has(
    client_for: ClientFor, admin: User, golden: QuestionSet, question: Question
) -> None:
    client = client_for(admin)
    for form, kind in (("jsonl", "application/x-ndjson"), ("csv", "text/csv")):
        address = reverse("evaluation:export", args=[golden.pk])
        answer = client.get(address, {"form": form})
        assert answer["Content-Type"] == f"{kind}; charset=utf-8"
        entry = Entry.objects.filter(action="evaluation.questions.export").latest("id")
        assert entry.data == {"format": form, "questions": 1}
        assert entry.actor == str(admin.pk) and entry.target_id == str(golden.pk)


def test_a_field_that_has_no_name_in_letters_is_told(
    client_for: ClientFor, admin: User, golden: QuestionSet
) -> None:
    row = {"question": "How long?", "evidence": [{"file": "leave.txt"}], "\ud800": 1}
    file = SimpleUploadedFile("q.jsonl", json.dumps(row).encode())
    address = reverse("evaluation:import", args=[golden.pk])
    answer = client_for(admin).post(address, {"file": file}, follow=True)
    assert answer.status_code == 200 and golden.questions.count() == 1


def test_an_import_without_a_file_says_so(
    client_for: ClientFor, admin: User, golden: QuestionSet
) -> None:
    answer = client_for(admin).post(reverse("evaluation:import", args=[golden.pk]))
    assert answer.status_code == 422 and "This field is required" in answer.content.decode()


def test_a_file_that_is_too_large_is_refused_in_words(
    client_for: ClientFor, admin: User, golden: QuestionSet
) -> None:
    sent = {"file": SimpleUploadedFile("q.jsonl", b" " * (MOST_BYTES + 1))}
    answer = client_for(admin).post(reverse("evaluation:import", args=[golden.pk]), sent)
    assert answer.status_code == 422 and "Split it" in answer.content.decode()


def test_filters_that_make_no_sense_ask_for_nothing(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    client, run = client_for(admin), make_run(question, document)
    odd = {"type": "none", "language": "x" * 50, "state": "\x00", "page": "9" * 40, "q": "q-1"}
    assert "q-1" in page(client, "set", question.set_id, headers=HTMX, **odd)
    assert "q-1" in page(client, "results", run.pk, headers=HTMX, show="x", **odd)
    assert "q-1" in page(client, "run", run.pk, score="constructor", **odd)


@pytest.mark.parametrize("bad", ["x", "00000000-0000-0000-0000-000000000000", "\x00"])
def test_a_run_that_is_not_there_is_not_compared(
    client_for: ClientFor, admin: User, question: Question, document: Document, bad: str
) -> None:
    run = make_run(question, document)
    answer = client_for(admin).get(reverse("evaluation:compare", args=[run.pk]), {"with": bad})
    assert answer.status_code == 404


def test_runs_of_two_kinds_are_not_compared(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    run, other = make_run(question, document), make_run(question, document, kind="answers")
    address = reverse("evaluation:compare", args=[run.pk])
    answer = client_for(admin).get(address, {"with": str(other.pk)}, follow=True)
    assert "Choose two of a kind" in answer.content.decode()


def test_one_run_alone_has_nothing_to_be_compared_with(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    text = page(client_for(admin), "compare", make_run(question, document).pk)
    assert "Nothing to compare with" in text


def test_the_older_of_two_runs_stands_before(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    first, second, third = (make_run(question, document) for _ in range(3))
    client = client_for(admin)
    shown = client.get(reverse("evaluation:compare", args=[second.pk])).context
    assert (shown["other"], shown["run"]) == (first, second)
    turned = client.get(reverse("evaluation:compare", args=[first.pk]), follow=True)
    assert (turned.context["other"], turned.context["run"]) == (first, third)
    chosen = client.get(
        reverse("evaluation:compare", args=[first.pk]), {"with": str(second.pk)}
    ).context
    assert (chosen["other"], chosen["run"]) == (second, first), "as she chose"


def test_runs_are_downloaded(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    client, address = (
        client_for(admin),
        reverse("evaluation:run-file", args=[make_run(question, document).pk]),
    )
    content = json.loads(client.get(address).content)
    assert content["results"][0]["key"] == "q-1"
    assert b"strict@5" in client.get(address, {"form": "md"}).content


def test_a_run_at_work_asks_again_and_a_finished_one_does_not(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    run = make_run(question, document)
    client = client_for(admin)
    over = client.get(reverse("evaluation:run", args=[run.pk]), headers=HTMX)
    assert over["HX-Refresh"] == "true" and "every 1s" not in page(client, "run", run.pk)
    Run.objects.filter(pk=run.pk).update(status="running")
    part = page(client, "run", run.pk, headers=HTMX)
    # static/js/sanitise.js lets no drawing into a part of a page.
    assert "every 1s" in part and "<svg" not in part
    Run.objects.filter(pk=run.pk).update(done=4_500)  # each look counts all of them
    assert "every 10s" in page(client, "run", run.pk, headers=HTMX)
    stopped = client.post(reverse("evaluation:run-stop", args=[run.pk]), headers=HTMX)
    assert "Stopping…" in stopped.content.decode()
    client.post(reverse("evaluation:run-delete", args=[run.pk]))
    assert not Run.objects.exists()


def test_a_second_run_of_a_kind_is_refused_in_words(
    client_for: ClientFor, admin: User, question: Question
) -> None:
    client, address = client_for(admin), reverse("evaluation:run-start", args=[question.set_id])
    sent = {"kind": "retrieval", "label": "First"}
    assert client.post(address, sent).status_code == 302
    again = client.post(address, sent)
    assert again.status_code == 422
    assert "A run of this kind is on its way" in again.content.decode()


def test_a_control_is_started_and_told(
    client_for: ClientFor, admin: User, question: Question, document: Document
) -> None:
    before = make_run(question, document)
    client, address = client_for(admin), reverse("evaluation:run-start", args=[question.set_id])
    assert "By words alone" in client.get(address).content.decode()
    client.post(address, {"kind": "retrieval", "mode": "lexical"})
    run = Run.objects.get(config__mode="lexical")
    Run.objects.filter(pk=run.pk).update(status="done")
    shown = page(client, "run", run.pk)
    assert "How to search" in shown and "By words alone" in shown
    assert "By words alone" in page(client, "set", question.set_id)
    compared = client.get(reverse("evaluation:compare", args=[run.pk]), {"with": str(before.pk)})
    assert "As people search: by meaning and words" in compared.content.decode()
    assert client.post(address, {"kind": "answers", "mode": "lexical"}).status_code == 422


def suggested(user: User, document: Document) -> Message:
    """An answer of `user` that cites `document`."""
    answer = people.make_conversation(user, document.chunks.get()).messages.get(ordinal=1)
    source = answer.sources.get()
    Citation.objects.create(
        message=answer, source=source, sentence_start=0, sentence_end=10, quote_start=0,
        quote_end=len(QUOTE), support=Citation.Support.VERIFIED,
    )  # fmt: skip
    return answer


def test_an_administrator_makes_a_question_of_her_answer(
    client_for: ClientFor, admin: User, golden: QuestionSet, document: Document
) -> None:
    answer = suggested(admin, document)
    client, address = client_for(admin), reverse("evaluation:suggest", args=[answer.pk])
    assert "Make a golden question" in client.get(f"/answers/{answer.pk}").content.decode()
    assert "Make the question" in client.get(address, headers=HTMX).content.decode()
    for other in ("x", "00000000-0000-0000-0000-000000000000"):
        refused = client.post(address, {"set": other}, headers=HTMX)
        assert refused.status_code == 422 and not golden.questions.exists()
    made = client.post(address, headers=HTMX).content.decode()
    kept = golden.questions.get()
    assert reverse("evaluation:question", args=[kept.pk]) in made
    assert kept.evidence[0]["quote"] == QUOTE and kept.state == Question.State.ACCEPTED
    again = client.post(address, headers=HTMX)
    assert again.status_code == 422 and "The set has" in again.content.decode()


def test_anybody_suggests_a_question_of_theirs_which_administrators_accept(
    client_for: ClientFor, admin: User, bob: User, golden: QuestionSet, document: Document
) -> None:
    answer = suggested(bob, document)
    client, address = client_for(bob), reverse("evaluation:suggest", args=[answer.pk])
    assert "Suggest as a test question" in client.get(f"/answers/{answer.pk}").content.decode()
    assert "with your name" in client.get(address, headers=HTMX).content.decode()
    assert "Thank you" in client.post(address, headers=HTMX).content.decode()
    kept = golden.questions.get()
    assert kept.state == Question.State.SUGGESTED
    judge = client_for(admin)
    assert "1 suggestion waits for you" in page(judge, "set", golden.pk)
    assert "bob@example.com" in page(judge, "question", kept.pk) or "Bob" in page(
        judge, "question", kept.pk
    )
    judge.post(reverse("evaluation:accept", args=[kept.pk]))
    kept.refresh_from_db()
    assert kept.state == Question.State.ACCEPTED


def test_a_suggestion_is_refused(
    client_for: ClientFor, admin: User, bob: User, golden: QuestionSet, document: Document
) -> None:
    client_for(bob).post(reverse("evaluation:suggest", args=[suggested(bob, document).pk]))
    kept = golden.questions.get()
    assert "Refuse this suggestion?" in page(client_for(admin), "question-delete", kept.pk)
    client_for(admin).post(reverse("evaluation:question-delete", args=[kept.pk]))
    assert not golden.questions.exists()


def test_what_a_hold_keeps_is_not_deleted(
    client_for: ClientFor, admin: User, bob: User, golden: QuestionSet, document: Document
) -> None:
    client_for(bob).post(reverse("evaluation:suggest", args=[suggested(bob, document).pk]))
    kept, officer = golden.questions.get(), people.make_user("Olga", is_compliance=True)
    holds.place(officer, target="user", target_id=bob.pk, reference="case-1")
    client = client_for(admin)
    for name, pk in (("question-delete", kept.pk), ("set-delete", golden.pk)):
        answer = client.post(reverse(f"evaluation:{name}", args=[pk]), follow=True)
        assert answer.status_code == 200 and "hold" in answer.content.decode()
    assert golden.questions.get() == kept


def test_without_a_set_nobody_is_asked_to_suggest(
    client_for: ClientFor, bob: User, document: Document
) -> None:
    answer = suggested(bob, document)
    assert "Suggest as" not in client_for(bob).get(f"/answers/{answer.pk}").content.decode()
    refused = client_for(bob).post(reverse("evaluation:suggest", args=[answer.pk]))
    assert refused.status_code == 422 and "No set of golden" in refused.content.decode()


def test_nobody_suggests_the_question_of_another(
    client_for: ClientFor, admin: User, alice: User, bob: User, document: Document
) -> None:
    address = reverse("evaluation:suggest", args=[suggested(alice, document).pk])
    for user in (admin, bob):
        assert client_for(user).get(address).status_code == 404
        assert client_for(user).post(address).status_code == 404


def test_the_link_is_there_for_administrators_alone(
    client_for: ClientFor, admin: User, bob: User
) -> None:
    address = reverse("evaluation:sets")
    assert address in client_for(admin).get("/").content.decode()
    assert address not in client_for(bob).get("/").content.decode()
    assert client_for(bob).get(address).status_code == 403


def test_an_index_is_built_and_given_up(client_for: ClientFor, admin: User) -> None:
    client = client_for(admin)
    used = active()
    text = page(client, "indexes")
    assert used.embedder in text and "Build another index" in text
    refused = client.post(reverse("evaluation:index-build"), {"embedder": HOSTILE})
    assert refused.status_code == 422 and "<script>alert" not in refused.content.decode()
    known = client.get(reverse("evaluation:indexes")).context["form"].fields["embedder"].choices
    client.post(reverse("evaluation:index-build"), {"embedder": known[0][0]})
    made = Index.objects.get(state=Index.State.BUILDING)
    assert not made.switch_when_built
    assert "Being built" in page(client, "indexes", headers=HTMX)
    page(client, "index-activate", made.pk)
    page(client, "index-give-up", made.pk)
    client.post(reverse("evaluation:index-give-up", args=[made.pk]))
    made.refresh_from_db()
    assert made.state == Index.State.RETIRED
    again = client.post(reverse("evaluation:index-activate", args=[made.pk]), follow=True)
    assert "This index is not being built" in again.content.decode()


def test_pages_ask_as_often_however_much_there_is(
    client_for: ClientFor,
    admin: User,
    question: Question,
    document: Document,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(3):
        run = make_run(question, document)
    client = client_for(admin)
    for name, pk in (("set", question.set_id), ("run", run.pk)):
        with django_assert_max_num_queries(24):
            page(client, name, pk)
    with django_assert_max_num_queries(12):
        page(client, "sets")


def test_a_run_of_answers_shows_what_other_thresholds_would_have_refused(
    admin: User, question: Question, document: Document, client_for: ClientFor
) -> None:
    run = make_run(question, document, kind="answers")
    run.config = {**run.config, "abstain_below": 0.4}
    run.save()
    first = run.results.get()
    for key, scores, confidence in (
        ("a", {"refused answerable": False}, 0.9),
        ("b", {"refused unanswerable": True}, 0.1),
        ("c", {"refused unanswerable": False}, None),
    ):
        first.pk, first.key, first.scores, first.confidence = None, key, scores, confidence
        first._state.adding = True
        first.save()
    page = client_for(admin).get(reverse("evaluation:run", args=[run.pk]))
    shown = page.context["curve"]
    assert shown.counted == (1, 1) and shown.best.balanced == 100
    assert b'id="curve"' in page.content and page.content.count(b"<polyline") >= 2
    run.results.filter(key="b").delete()
    page = client_for(admin).get(reverse("evaluation:run", args=[run.pk]))
    assert page.context["curve"] is None and b'id="curve"' not in page.content
