"""An erased document leaves no words in answers, whoever asked, and running ones stop."""

from collections.abc import Generator
from typing import Any

import pytest

from accounts.models import User
from chat import forgotten
from chat.condense import Turn, condense
from chat.models import Citation, Conversation, Message, Source
from chat.present import present_answer
from chat.run import claim, run
from ingest import erase, holds
from ingest.models import Chunk, Collection, Document, Receipt
from tests import people
from tests.ingest.conftest import Add, Put, add, put  # noqa: F401 (fixtures)

pytestmark = pytest.mark.django_db

LEAVE = "Wilhelmina Oosterhuis lights 4417 kestrel lanterns before midnight on Thursdays."
MEALS = "Meals cost 5 euros a day."


def answered(user: User, said: str, *documents: Document, spans: Any = ()) -> Message:
    """An answer of `user` with one source for each document; `spans`: (start, end, source number)."""
    conversation = Conversation.objects.create(user=user, title="Lanterns")
    Message.objects.create(conversation=conversation, ordinal=0, role="user", text="Who lights?")
    message = Message.objects.create(
        conversation=conversation, ordinal=1, role="assistant", text=said, status="complete"
    )
    sources = [
        Source.objects.create(
            message=message, n=number, chunk=document.chunks.first(), document=document
        )
        for number, document in enumerate(documents, start=1)
    ]
    for start, end, number in spans:
        Citation.objects.create(
            message=message,
            source=sources[number - 1],
            sentence_start=start,
            sentence_end=end,
            support="verified",
        )
    return message


@pytest.fixture
def two(collection: Collection) -> tuple[Document, Document]:
    return (
        people.make_document(collection, LEAVE, "leave.txt"),
        people.make_document(collection, MEALS, "meals.txt"),
    )


def test_sentences_that_rest_on_it_give_way_at_once(
    two: tuple[Document, Document], alice: User, bob: User
) -> None:
    leave, meals = two
    said = "She lights them at night [1]. Meals cost 5 euros a day [2]. Ask her."
    message = answered(bob, said, leave, meals, spans=[(0, 28, 1), (30, 58, 2)])
    erase.erase_document(alice, leave)
    message.refresh_from_db()
    assert message.text.startswith("[This document was erased.]")
    assert "night" not in message.text and "Meals cost 5 euros a day" in message.text
    kept = message.citations.get()
    assert message.text[kept.sentence_start : kept.sentence_end].startswith("Meals cost")
    shown = present_answer(bob, message)
    words = " ".join(segment.text for line in shown.lines for segment in line.segments)
    assert "This document was erased." in words and "night" not in words
    assert [source.erased for source in shown.sources] == [True, False]


def test_words_that_are_repeated_without_a_mark_go_too(
    two: tuple[Document, Document], alice: User, bob: User
) -> None:
    leave, meals = two
    said = f"First. They say: lights 4417 kestrel lanterns before midnight on Thursdays. {MEALS}"
    message = answered(bob, said, leave, meals)
    erase.erase_document(alice, leave)
    message.refresh_from_db()
    assert "kestrel" not in message.text and MEALS in message.text and "First." in message.text


def test_the_sentence_is_in_the_language_of_the_answer(
    two: tuple[Document, Document], alice: User, bob: User
) -> None:
    said = "Der Urlaub dauert achtundzwanzig Tage im Jahr. Das steht in den Unterlagen der Firma."
    message = answered(bob, said, two[0], spans=[(0, 46, 1)])
    erase.erase_document(alice, two[0])
    message.refresh_from_db()
    assert message.text.startswith("[") and "achtundzwanzig" not in message.text


def test_what_a_newer_version_replaced_may_still_be_quoted(
    collection: Collection, bob: User
) -> None:
    first = people.make_document(collection, LEAVE, "leave.txt")
    message = answered(bob, LEAVE, first, spans=[(0, len(LEAVE), 1)])
    second = people.make_document(collection, MEALS, "leave.txt", version=2)
    erase.supersede(second)
    message.refresh_from_db()
    assert message.text == LEAVE
    assert Receipt.objects.get().reason == "replaced" and not forgotten.erased([first.pk])


def test_a_held_persons_answers_stay_and_the_receipt_says_so(
    two: tuple[Document, Document], alice: User, bob: User, vectors: str
) -> None:
    officer = people.make_user("Olga", is_compliance=True)
    message = answered(bob, LEAVE, two[0], spans=[(0, len(LEAVE), 1)])
    holds.place(officer, target="user", target_id=bob.pk, reference="case-1")
    receipt = erase.erase_document(alice, two[0])
    assert erase.finish_document(two[0].pk)
    message.refresh_from_db()
    receipt.refresh_from_db()
    assert message.text == LEAVE and receipt.kept == {"answers": 1}
    assert "text" not in receipt.sought


def test_what_a_person_wrote_herself_is_no_trace(
    two: tuple[Document, Document], alice: User, bob: User, vectors: str
) -> None:
    conversation = Conversation.objects.create(user=bob, title=LEAVE[:80])
    Message.objects.create(conversation=conversation, ordinal=0, role="user", text=LEAVE)
    receipt = erase.erase_document(alice, two[0])
    assert erase.finish_document(two[0].pk)
    receipt.refresh_from_db()
    assert "text" not in receipt.sought and conversation.messages.get().text == LEAVE


@pytest.mark.parametrize("finished", [False, True])
def test_an_answer_that_is_written_while_it_is_erased_loses_it(
    add: Add,  # noqa: F811
    alice: User,
    bob: User,
    collection: Collection,
    finished: bool,
) -> None:
    document = add("leave.txt", LEAVE)
    conversation = Conversation.objects.create(user=bob, title="t")
    conversation.collections.add(collection)
    question = "Who lights kestrel lanterns before midnight?"
    Message.objects.create(conversation=conversation, ordinal=0, role="user", text=question)
    message = Message.objects.create(
        conversation=conversation, ordinal=1, role="assistant", status="queued"
    )
    lease = claim(message)
    assert lease
    events: Generator[Any, None, None] = run(message, lease, gone=lambda: False)
    for event in events:
        if event.name == "sources":
            erase.erase_document(alice, document)
            if finished:
                Document.objects.update(lease_until=None)
                assert erase.finish_document(document.pk)
    message.refresh_from_db()
    assert "estrel" not in message.text and message.status != "running"
    assert not Chunk.objects.filter(document_id=document.pk).exists() or not finished


def test_a_follow_up_forgets_the_answer_that_it_was_joined_with(
    two: tuple[Document, Document], alice: User, bob: User
) -> None:
    message = answered(bob, f"{LEAVE} [1] {MEALS} [2]", *two, spans=[(0, len(LEAVE) + 4, 1)])
    talk = message.conversation
    Message.objects.create(conversation=talk, ordinal=2, role="user", text="And then?")
    joined = condense("And then?", [Turn("user", "Who lights?"), Turn("assistant", message.text)])
    later = Message.objects.create(
        conversation=talk, ordinal=3, role="assistant", status="complete", condensed=joined
    )
    assert "kestrel" in joined
    erase.erase_document(alice, two[0])
    later.refresh_from_db()
    assert later.condensed == (f"Who lights?\n[This document was erased.] {MEALS}\nAnd then?"), (
        "as the next one would be joined, and still one that leans on what was before"
    )


def test_a_follow_up_that_ends_later_is_not_joined_with_what_was_erased(
    two: tuple[Document, Document], alice: User, bob: User
) -> None:
    message = answered(bob, f"{LEAVE} [1]", two[0], spans=[(0, len(LEAVE) + 4, 1)])
    talk = message.conversation
    Message.objects.create(conversation=talk, ordinal=2, role="user", text="And then?")
    later = Message.objects.create(conversation=talk, ordinal=3, role="assistant", status="running")
    erase.erase_document(alice, two[0])
    # Its process had read the answer before.
    Message.objects.filter(pk=later.pk).update(condensed=f"Who lights?\n{LEAVE}\nAnd then?")
    forgotten.forget_what_nobody_says(later)
    later.refresh_from_db()
    assert later.condensed == "Who lights?\n[This document was erased.]\nAnd then?"


def test_words_that_run_over_the_end_of_a_sentence_are_taken_out_too(
    collection: Collection, alice: User, bob: User, vectors: str
) -> None:
    document = people.make_document(collection, "It is Quillfeather4417. Yes so it is.", "q.txt")
    message = answered(bob, "They say: Quillfeather4417. Yes so it is. The rest stays.")
    receipt = erase.erase_document(alice, document)
    assert erase.finish_document(document.pk)
    message.refresh_from_db()
    receipt.refresh_from_db()
    assert "Quillfeather" not in message.text and message.text.endswith("The rest stays.")
    assert "answers" not in receipt.kept, "nobody is held"


def test_what_a_killed_process_left_of_an_answer_is_gone(
    two: tuple[Document, Document], alice: User, bob: User, vectors: str
) -> None:
    message = answered(bob, "Every week one of them burns longer [1]. And", two[0])
    Message.objects.filter(pk=message.pk).update(status="running")
    erase.erase_document(alice, two[0])
    assert erase.finish_document(two[0].pk)
    message.refresh_from_db()
    assert message.text == "" and message.stop_requested


def test_an_answer_that_was_cut_off_before_loses_what_it_marks(
    two: tuple[Document, Document], alice: User, bob: User
) -> None:
    said = "Every week one of them burns longer [1]. Vouchers are paid [2]. And"
    message = answered(bob, said, *two)
    Message.objects.filter(pk=message.pk).update(status="failed", error_code="interrupted")
    erase.erase_document(alice, two[0])
    message.refresh_from_db()
    assert message.text == "[This document was erased.] Vouchers are paid [2]. And"
