"""Question sets: made, changed, deleted. Each change is one transaction with its audit entry."""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.people import clean_name
from audit import actions
from audit.problems import Problem
from audit.record import Data, record
from evaluation.access import get_set, sets_for
from evaluation.held import require_free
from evaluation.models import QuestionSet
from ingest.access import readable_ids
from ingest.models import Collection


@transaction.atomic
def create_set(user: User, *, name: str, collections: Sequence[UUID]) -> QuestionSet:
    """For administrators. Raises PermissionDenied, Http404 for a collection that `user` may not read,
    Problem `name-empty`, `name-taken`, `no-collections`."""
    if not (user.is_active and user.is_admin):
        raise PermissionDenied
    made = QuestionSet.objects.create(name=_free_name(user, name), created_by=user)
    _link(user, made, collections)
    _record(actions.QUESTION_SET_CREATED, user, made)
    return made


@transaction.atomic
def change_set(
    user: User,
    found: QuestionSet,
    *,
    name: str | None = None,
    collections: Sequence[UUID] | None = None,
) -> QuestionSet:
    """None leaves a field as it is. Raises Http404 and Problems as create_set."""
    found = get_set(user, found.pk)
    if name is not None:
        found.name = _free_name(user, name, but=found)
        found.save(update_fields=["name"])
    if collections is not None:
        _link(user, found, collections)
    _record(actions.QUESTION_SET_CHANGED, user, found)
    return found


@transaction.atomic
def delete_set(user: User, found: QuestionSet) -> None:
    """Delete a set with its questions and runs; a run that is at work stops.

    Raises Http404, Problem `on-hold` where a question or a run of it is held.
    """
    found = get_set(user, found.pk)
    made = found.questions.order_by().values_list("created_by", flat=True)
    require_free({*made, *found.runs.order_by().values_list("started_by", flat=True)})
    _record(actions.QUESTION_SET_DELETED, user, found)
    found.delete()


def _link(user: User, found: QuestionSet, collections: Sequence[UUID]) -> None:
    chosen = readable_ids(user, collections)
    if not chosen:
        raise Problem(422, "no-collections", _("Choose at least one collection."))
    found.collections.set(Collection.objects.filter(pk__in=chosen))


def _free_name(user: User, name: str, *, but: QuestionSet | None = None) -> str:
    """A name on one line that no other set has that `user` may see."""
    name = clean_name(name)
    if not name:
        raise Problem(422, "name-empty", _("Give the set a name."))
    others = sets_for(user).filter(name__iexact=name)
    if (others.exclude(pk=but.pk) if but else others).exists():
        raise Problem(409, "name-taken", _("There is a set of that name. Choose another name."))
    return name


def _record(action: str, user: User, found: QuestionSet) -> None:
    collections = sorted(str(pk) for pk in found.collections.values_list("pk", flat=True))
    data: Data = {"collections": collections, "questions": found.questions.count()}
    record(action, actor=user, target=("question-set", found.pk), data=data)
