"""The door to golden questions and runs: administrators who may read all that a set is about.

An object that the caller may not see does not exist: `Http404`. Being an administrator opens no
collection: a set with one that she may not read is not there for her. One that lost a collection is
there for those alone who could see it before; one that never had any, for whoever made it.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import User
from evaluation.models import Question, QuestionSet, Result, Run
from ingest.access import chunks_for, collections_for, documents_for
from ingest.models import Chunk, Index

Row = TypeVar("Row", bound=Model)
#: Of one query: databases take no more than so many values.
MOST_IDS = 500


def sets_for(user: User) -> QuerySet[QuestionSet]:
    """The sets that `user` may see and change."""
    if not (user.is_active and user.is_admin):
        return QuestionSet.objects.none()
    links = QuestionSet.collections.through.objects.filter(questionset=OuterRef("pk"))
    closed = links.exclude(collection__in=collections_for(user))
    keepers = QuestionSet.keepers.through.objects.filter(questionset=OuterRef("pk"), user=user)
    mine = Q(closed=False) & (Exists(links) | Q(created_by=user))
    return QuestionSet.objects.filter(~Exists(closed), mine | Q(Exists(keepers), closed=True))


def questions_for(user: User) -> QuerySet[Question]:
    return Question.objects.filter(set__in=sets_for(user))


def runs_for(user: User) -> QuerySet[Run]:
    return Run.objects.filter(set__in=sets_for(user))


def get_set(user: User, pk: UUID | str) -> QuestionSet:
    """Raises Http404."""
    return _one(sets_for(user), pk)


def get_question(user: User, pk: UUID | str) -> Question:
    """Raises Http404."""
    return _one(questions_for(user).select_related("set"), pk)


def get_run(user: User, pk: UUID | str) -> Run:
    """Raises Http404."""
    return _one(runs_for(user).select_related("set", "index", "started_by"), pk)


def get_result(user: User, pk: UUID | str) -> Result:
    """Raises Http404."""
    results = Result.objects.filter(run__in=runs_for(user))
    return _one(results.select_related("run", "question"), pk)


def get_index(user: User, pk: UUID | str) -> Index:
    """For administrators. Raises Http404."""
    found = Index.objects.all() if user.is_active and user.is_admin else Index.objects.none()
    return _one(found, pk)


def shown_answer(user: User, result: Result) -> str:
    """The answer, or "" where `user` may not read all that it was written from, or some of it is gone."""
    return shown_answers(user, [result])[result.pk]


def shown_answers(user: User, results: Sequence[Result]) -> dict[UUID, str]:
    """shown_answer of each, by the id of the result."""
    needed = {
        result.pk: {UUID(passage["document"]) for passage in result.passages}
        if result.answer
        else set()
        for result in results
    }
    wanted = sorted(set().union(*needed.values()))
    readable = set[UUID]()
    for start in range(0, len(wanted), MOST_IDS):
        some = documents_for(user).filter(pk__in=wanted[start : start + MOST_IDS])
        readable |= set(some.values_list("pk", flat=True))
    return {each.pk: each.answer if needed[each.pk] <= readable else "" for each in results}


def shown_passages(user: User, result: Result) -> list[tuple[dict[str, Any], Chunk | None]]:
    """What was found, best first, each with its chunk; None: it is gone, or not `user`'s to read."""
    found = chunks_for(user).filter(pk__in=result.chunks).select_related("document__collection")
    chunks = {str(chunk.pk): chunk for chunk in found.defer("vector")}
    return [(passage, chunks.get(passage["chunk"])) for passage in result.passages]


def _one(rows: QuerySet[Row], pk: UUID | str) -> Row:
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
