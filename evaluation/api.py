"""The API of golden questions and runs. For administrators; what they may not read is not there."""

from dataclasses import asdict
from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import File, Form, Router, Status
from ninja.files import UploadedFile

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.paging import DEFAULT_LIMIT, Paged, page
from audit.problems import Problem
from chat.feedback import counts
from evaluation.access import get_index, get_question, get_run, get_set, runs_for, sets_for
from evaluation.compare import compare
from evaluation.exports import FORMS
from evaluation.imports import MOST_BYTES, import_questions
from evaluation.questions import (
    accept,
    change_question,
    create_question,
    delete_question,
    record_export,
)
from evaluation.reads import record_read, rested_on
from evaluation.runs import delete_run, start_run, stop_run
from evaluation.schemas import (
    ComparisonOut,
    FeedbackOut,
    ImportedOut,
    QuestionIn,
    QuestionOut,
    ResultOut,
    RunDetail,
    RunIn,
    RunOut,
    SetIn,
    SetOut,
    SetPatch,
    comparison_out,
    question_out,
    results_out,
    run_detail,
    run_out,
    set_out,
    sets_out,
)
from evaluation.sets import change_set, create_set, delete_set

router = Router(tags=["measuring"])
ADMIN = requires("admin")


@router.get("/evaluation/feedback", auth=ADMIN, response=FeedbackOut)
def read_feedback(request: SignedInRequest) -> dict[str, Any]:
    """How askers judged answers: counts, without names, questions or comments."""
    return asdict(counts())


@router.get("/evaluation/sets", auth=ADMIN, response=Paged[SetOut])
def list_sets(
    request: SignedInRequest, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """Sets of golden questions on collections all of which you may read."""
    rows, after = page(sets_for(request.user), cursor, limit, key=("name", "id"))
    return {"items": sets_out(rows), "next_cursor": after}


@router.post("/evaluation/sets", auth=ADMIN, response={201: SetOut})
def post_set(request: SignedInRequest, payload: SetIn) -> Status[dict[str, Any]]:
    """Make a set."""
    made = create_set(request.user, name=payload.name, collections=payload.collections)
    return Status(201, set_out(made))


@router.get("/evaluation/sets/{uuid:pk}", auth=ADMIN, response=SetOut)
def read_set(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One set."""
    return set_out(get_set(request.user, pk))


@router.patch("/evaluation/sets/{uuid:pk}", auth=ADMIN, response=SetOut)
def patch_set(request: SignedInRequest, pk: UUID, payload: SetPatch) -> dict[str, Any]:
    """Rename a set, or let it be about other collections."""
    found = get_set(request.user, pk)
    return set_out(
        change_set(request.user, found, name=payload.name, collections=payload.collections)
    )


@router.delete("/evaluation/sets/{uuid:pk}", auth=ADMIN, response={204: None})
def erase_set(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Delete a set with its questions and runs."""
    delete_set(request.user, get_set(request.user, pk))
    return Status(204, None)


@router.get("/evaluation/sets/{uuid:pk}/questions", auth=ADMIN, response=Paged[QuestionOut])
def list_questions(
    request: SignedInRequest,
    pk: UUID,
    state: Literal["", "suggested", "accepted"] = "",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Its questions by key; `state` accepted or suggested: these alone."""
    questions = get_set(request.user, pk).questions.all()
    if state:
        questions = questions.filter(state=state)
    rows, after = page(questions, cursor, limit, key=("key", "id"))
    return {"items": [question_out(row) for row in rows], "next_cursor": after}


@router.post("/evaluation/sets/{uuid:pk}/questions", auth=ADMIN, response={201: QuestionOut})
def post_question(
    request: SignedInRequest, pk: UUID, payload: QuestionIn
) -> Status[dict[str, Any]]:
    """Add a question."""
    found = get_set(request.user, pk)
    return Status(201, question_out(create_question(request.user, found, payload.draft())))


@router.post("/evaluation/sets/{uuid:pk}/import", auth=ADMIN, response=ImportedOut)
def post_import(
    request: SignedInRequest, pk: UUID, file: File[UploadedFile], form: Form[str] = ""
) -> dict[str, Any]:
    """Add and change questions from a file, `form` jsonl or csv (by default as it is named). All or none."""
    found = get_set(request.user, pk)
    name = (file.name or "").casefold()
    chosen = form or ("csv" if name.endswith((".csv", ".tsv")) else "jsonl")
    imported = import_questions(request.user, found, file.read(MOST_BYTES + 1), chosen)
    return {name: getattr(imported, name) for name in ImportedOut.model_fields}


@router.get("/evaluation/sets/{uuid:pk}/export", auth=ADMIN)
def export_questions(request: SignedInRequest, pk: UUID, form: str = "jsonl") -> HttpResponse:
    """Its accepted questions as a file, `form` jsonl or csv, that can be imported again."""
    if form not in FORMS:
        raise Problem(422, "invalid", _("form: choose jsonl or csv."))
    found = get_set(request.user, pk)
    write, kind = FORMS[form]
    response = HttpResponse(write(record_export(request.user, found, form)), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="questions-{pk}.{form}"'
    return response


@router.get("/evaluation/questions/{uuid:pk}", auth=ADMIN, response=QuestionOut)
def read_question(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One question."""
    return question_out(get_question(request.user, pk))


@router.put("/evaluation/questions/{uuid:pk}", auth=ADMIN, response=QuestionOut)
def put_question(request: SignedInRequest, pk: UUID, payload: QuestionIn) -> dict[str, Any]:
    """Replace a question. Results of it before and after are not compared."""
    found = get_question(request.user, pk)
    return question_out(change_question(request.user, found, payload.draft()))


@router.post("/evaluation/questions/{uuid:pk}/accept", auth=ADMIN, response=QuestionOut)
def accept_question(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """Make a suggestion a question that runs ask."""
    return question_out(accept(request.user, get_question(request.user, pk)))


@router.delete("/evaluation/questions/{uuid:pk}", auth=ADMIN, response={204: None})
def erase_question(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Delete a question. What it came to in runs stays, without its words."""
    delete_question(request.user, get_question(request.user, pk))
    return Status(204, None)


@router.get("/evaluation/runs", auth=ADMIN, response=Paged[RunOut])
def list_runs(
    request: SignedInRequest,
    of: UUID | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Runs, newest first; `of` a set: of that one alone."""
    runs = runs_for(request.user)
    if of is not None:
        runs = runs.filter(set=get_set(request.user, of))
    rows, after = page(runs, cursor, limit, key=("-created_at", "id"))
    return {"items": [run_out(row) for row in rows], "next_cursor": after}


@router.post("/evaluation/sets/{uuid:pk}/runs", auth=ADMIN, response={202: RunOut})
def post_run(request: SignedInRequest, pk: UUID, payload: RunIn) -> Status[dict[str, Any]]:
    """Ask all accepted questions of a set, in the background, as yourself."""
    found = get_set(request.user, pk)
    run = start_run(
        request.user,
        found,
        kind=payload.kind,
        label=payload.label,
        index=get_index(request.user, payload.index) if payload.index else None,
        model=payload.model,
        mode=payload.mode,
        assistant=payload.assistant,
    )
    return Status(202, run_out(run))


@router.get("/evaluation/runs/{uuid:pk}", auth=ADMIN, response=RunDetail)
def read_run(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One run with its scores, also while it is at work."""
    return run_detail(get_run(request.user, pk))


@router.get("/evaluation/runs/{uuid:pk}/results", auth=ADMIN, response=Paged[ResultOut])
def list_results(
    request: SignedInRequest, pk: UUID, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """What each question came to, in the order in which they were asked."""
    run = get_run(request.user, pk)
    rows, after = page(run.results.all(), cursor, limit, key=("ordinal", "id"))
    told = results_out(request.user, rows)
    shown = rested_on(rows, (each["id"] for each in told if each["answer"]))
    record_read(request.user, run, shown)
    return {"items": told, "next_cursor": after}


@router.get("/evaluation/runs/{uuid:pk}/compare", auth=ADMIN, response=ComparisonOut)
def compare_runs(request: SignedInRequest, pk: UUID, against: UUID | None = None) -> dict[str, Any]:
    """This run against an earlier one; by default the last of its kind in the set that is done."""
    run = get_run(request.user, pk)
    earlier = runs_for(request.user).filter(
        set=run.set_id, kind=run.kind, status="done", created_at__lt=run.created_at
    )
    other = get_run(request.user, against) if against else earlier.first()
    if other is None:
        raise Problem(409, "nothing-to-compare", _("There is no earlier run of this kind."))
    return comparison_out(compare(other, run))


@router.post("/evaluation/runs/{uuid:pk}/stop", auth=ADMIN, response={202: RunOut})
def post_stop(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Stop a run. What it came to stays."""
    stop_run(request.user, get_run(request.user, pk))
    return Status(202, run_out(get_run(request.user, pk)))


@router.delete("/evaluation/runs/{uuid:pk}", auth=ADMIN, response={204: None})
def erase_run(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Delete a run with its results."""
    delete_run(request.user, get_run(request.user, pk))
    return Status(204, None)
