"""Three questions: who read this, why can this person read it, what can this person read."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.forms import Form
from accounts.http import SignedInRequest, compliance_required
from accounts.models import User
from compliance import access
from compliance.forms import ReachForm, ReadForm, WhyForm
from compliance.looks import explained
from ingest.models import Collection, Document

#: People of one collection that are listed.
LISTED = 500
FORMS: dict[str, type[Form]] = {"read": ReadForm, "why": WhyForm, "reach": ReachForm}

Answer = dict[str, Any]


@require_safe
@compliance_required
def questions(request: SignedInRequest) -> HttpResponse:
    """`?question=read|why|reach` with the fields of its form; without, the empty forms."""
    asked = request.GET.get("question", "")
    forms = {
        key: kind(request.GET if key == asked else None, auto_id=f"{key}_%s")
        for key, kind in FORMS.items()
    }
    context: Answer = {**{f"{key}_form": form for key, form in forms.items()}, "asked": asked}
    form = forms.get(asked)
    if form is not None and form.is_valid():
        context |= ANSWERS[asked](request.user, **form.cleaned_data)
    wrong = form is not None and bool(form.errors)
    return render(request, "compliance/access.html", context, status=422 if wrong else 200)


def _read(officer: User, subject: Collection | UUID) -> Answer:
    if isinstance(subject, Collection):
        documents = Document.objects.filter(collection=subject).values_list("id", flat=True)
        explained(officer, "read", "collection", subject.pk)
        people = access.who_can_read(subject)
        return {
            "collection": subject,
            **_readings(documents),
            "people": people[:LISTED],
            "people_in_all": len(people),
            "people_left_out": max(0, len(people) - LISTED),
        }
    explained(officer, "read", "document", subject)
    return {
        "document": subject,
        "within": access.collection_of(subject),
        **_readings([subject]),
    }


def _readings(documents: Iterable[UUID]) -> Answer:
    found = access.who_read(documents)
    return {
        "readings": found.people,
        "complete": found.complete,
        "looked_through": access.LOOKED_THROUGH,
    }


def _why(officer: User, person: User, subject: Collection | UUID) -> Answer:
    document = None if isinstance(subject, Collection) else subject
    found = subject if isinstance(subject, Collection) else access.collection_of(subject)
    kind, key = ("document", document) if document else ("collection", found and found.pk)
    explained(officer, "why", kind, key, {"person": str(person.pk)})
    ways = access.ways(person, found) if found else []
    return {"person": person, "document": document, "collection": found, "ways": ways}


def _reach(officer: User, person: User) -> Answer:
    explained(officer, "reach", "user", person.pk)
    return {"person": person, "reach": access.reach(person)}


ANSWERS: dict[str, Callable[..., Answer]] = {"read": _read, "why": _why, "reach": _reach}
