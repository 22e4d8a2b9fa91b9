"""Golden questions go along with the collection that they rest on: those that the exporter may see, into a
set of the importer's own. For administrators; for others there is nothing to take."""

from collections.abc import Iterator, Sequence
from itertools import count

from accounts.models import User
from evaluation.access import sets_for
from evaluation.exports import as_jsonl
from evaluation.imports import import_questions
from evaluation.matching import Files, matched
from evaluation.models import Question, QuestionSet
from evaluation.questions import MOST_QUESTIONS
from evaluation.sets import create_set
from ingest.models import Collection, Document
from ingest.moving import parts


def give(user: User | None, collection: Collection) -> Iterator[bytes]:
    """Accepted questions whose quotes are all of documents of this collection, each once."""
    sets = QuestionSet.objects.filter(closed=False) if user is None else sets_for(user)
    found = sets.filter(collections=collection, closed=False)
    # What is being erased may be quoted for some seconds more.
    living = collection.documents.exclude(status=Document.Status.ERASING)
    files = Files(living.values_list("id", "path", "name"))
    seen, keys = set[str](), set[str]()
    for question in Question.objects.filter(set__in=found, state=Question.State.ACCEPTED):
        if (
            question.folded in seen
            or not _rests_here(question, files)
            or len(seen) >= MOST_QUESTIONS
        ):
            continue
        seen.add(question.folded)
        question.key = _free(question.key, keys)
        yield as_jsonl([question]).encode().rstrip(b"\n")


def _rests_here(question: Question, files: Files) -> bool:
    about = {"evidence": question.evidence, "also_in": question.also_in}
    return matched(about, files) is not None


def _free(key: str, taken: set[str]) -> str:
    """Two sets may use one key."""
    for number in count(2):
        if key not in taken:
            break
        key = f"{key[:90]}-{number}"
    taken.add(key)
    return key


def take(user: User | None, collection: Collection, lines: bytes) -> int:
    """Into a set of the collection's name. Raises Problem where they are no questions."""
    if user is None or not user.is_admin:
        return 0
    names: Sequence[str] = [collection.name, f"{collection.name} ({collection.pk.hex[:8]})"]
    taken = sets_for(user).filter(name__iexact=names[0]).exists()
    made = create_set(user, name=names[1 if taken else 0], collections=[collection.pk])
    imported = import_questions(user, made, lines, "jsonl")
    return imported.created


parts.register("questions", give, take)
