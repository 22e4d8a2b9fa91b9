"""The API of asking: search, answers, conversations, and OpenAI's form. Pages use the same functions."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from ninja import Router, Status

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.paging import Paged, page
from audit.problems import Problem
from chat.access import conversations_for, get_answer, get_conversation
from chat.ask import Ask
from chat.assistant_api import router as assistant_router
from chat.assistant_use import KEPT, chosen, put_to, require_somewhere
from chat.collected import collected
from chat.condense import Turn
from chat.conversations import (
    QuestionRefused,
    checked_question,
    delete_conversation,
    rename_conversation,
    request_stop,
    show_branch,
    start_answer,
)
from chat.events import Event
from chat.export import as_file, as_json
from chat.failures import detail_of
from chat.feedback import rate
from chat.models import Message
from chat.reads import record_read
from chat.replay import follow, readable_chunks
from chat.run import ask_of, claim, run, run_unstored
from chat.schemas import (
    AnswerIn,
    AnswerOut,
    ConversationDetail,
    ConversationIn,
    ConversationOut,
    FeedbackIn,
    ModelOut,
    SearchIn,
    SearchOut,
    conversation_out,
    passage_out,
)
from chat.search import search
from chat.share_api import router as share_router
from chat.streaming import Events, event_stream
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest.access import readable_ids
from ingest.filters import check_documents
from ingest.store import StoreUnavailable

#: Of answers of which nothing was written.
STATUSES = {
    "too-many-answers": 429,
    "assistant-closed": 409,
    "assistant-model-gone": 409,
    "instructions-too-long": 409,
}

router = Router(tags=["Asking"])
router.add_router("", share_router)
router.add_router("", assistant_router)


@router.post("/search", auth=requires("ask", "read"), response=SearchOut, operation_id="search")
def post_search(request: SignedInRequest, payload: SearchIn) -> dict[str, Any]:
    """Find passages without a model."""
    query = _checked(payload.query)
    try:
        found = search(
            request.user,
            query,
            payload.collections,
            payload.k,
            payload.mode,
            payload.filters.chosen(),
        )
    except (ModelsUnavailable, StoreUnavailable) as error:
        raise Problem(503, error.code, detail_of(error.code)) from error
    passages = [passage_out(rank, passage) for rank, passage in enumerate(found.passages, 1)]
    return {"passages": passages, "ms": found.ms}


@router.post("/answers", auth=requires("ask"), response=AnswerOut, operation_id="answer")
def post_answer(request: SignedInRequest, payload: AnswerIn) -> HttpResponseBase:
    """Ask. Answers as server-sent events, or with `stream: false` as one JSON of the same content."""
    question = _checked(payload.question)
    events = _events(request.user, question, payload)
    if payload.stream:
        return event_stream(events)
    return _as_json(events(lambda: False))


@router.post("/answers/{uuid:pk}/stop", auth=requires("ask"), response={204: None})
def stop_answer(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Stop writing. What was written stays."""
    request_stop(request.user, get_answer(request.user, pk))
    return Status(204, None)


@router.post("/answers/{uuid:pk}/show", auth=requires("ask"), response={204: None})
def show_answer(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Go on from this answer where a question has several: what is asked next follows it."""
    show_branch(request.user, get_answer(request.user, pk))
    return Status(204, None)


@router.post("/answers/{uuid:pk}/feedback", auth=requires("ask"), response={204: None})
def rate_answer(request: SignedInRequest, pk: UUID, payload: FeedbackIn) -> Status[None]:
    """Say whether an answer helped."""
    rate(
        request.user, get_answer(request.user, pk), payload.rating, payload.reason, payload.comment
    )
    return Status(204, None)


@router.get("/models", auth=requires("ask", "read"), response=list[ModelOut])
def list_models(request: SignedInRequest) -> list[dict[str, Any]]:
    """The chat models that can be asked now. Empty: answers are quotes from the documents."""
    try:
        return [asdict(model) for model in get_client().models()]
    except ModelsUnavailable as error:
        raise Problem(503, error.code, detail_of(error.code)) from error


@router.get("/conversations", auth=requires("ask", "read"), response=Paged[ConversationOut])
def list_conversations(
    request: SignedInRequest, cursor: str = "", limit: int = 50
) -> dict[str, Any]:
    """The caller's own conversations, newest first."""
    mine = conversations_for(request.user)
    rows, next_cursor = page(mine, cursor, limit, key=("-updated_at", "id"))
    return {"items": [conversation_out(row) for row in rows], "next_cursor": next_cursor}


@router.get("/conversations/{uuid:pk}", auth=requires("ask", "read"), response=ConversationDetail)
def show_conversation(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One conversation with its questions and answers."""
    conversation = get_conversation(request.user, pk)
    answers = list(conversation.messages.prefetch_related("sources"))
    record_read(request.user, answers, readable_chunks(request.user, answers))
    return as_json(request.user, conversation)


@router.patch("/conversations/{uuid:pk}", auth=requires("ask"), response=ConversationOut)
def change_conversation(
    request: SignedInRequest, pk: UUID, payload: ConversationIn
) -> dict[str, Any]:
    """Give a conversation another title."""
    conversation = get_conversation(request.user, pk)
    return conversation_out(rename_conversation(request.user, conversation, payload.title))


@router.delete("/conversations/{uuid:pk}", auth=requires("ask"), response={204: None})
def erase_conversation(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Delete a conversation with its questions and answers."""
    delete_conversation(request.user, get_conversation(request.user, pk))
    return Status(204, None)


@router.get("/conversations/{uuid:pk}/export", auth=requires("ask", "read"))
def export_conversation(request: SignedInRequest, pk: UUID, format: str = "md") -> HttpResponse:
    """Download a conversation as Markdown (`md`), PDF (`pdf`), Word (`docx`) or JSON (`json`)."""
    return as_file(request.user, get_conversation(request.user, pk), format)


def _checked(question: str) -> str:
    try:
        return checked_question(question)
    except QuestionRefused as refused:
        status = 413 if refused.code == "question-too-long" else 422
        raise Problem(status, refused.code, refused.detail) from refused


def _events(user: User, question: str, payload: AnswerIn) -> Events:
    """What makes the events of this question: stored in a conversation, or kept nowhere."""
    check_documents(user, payload.filters.documents)
    if not payload.store:
        readable = readable_ids(user, payload.collections)
        asked = Ask(user=user, question=question, collections=tuple(readable), answer=uuid4())
        return partial(_unstored, _with_options(_unstored_put(asked, payload), payload))
    message = _start(user, question, payload)
    lease = claim(message)
    options = _with_options(ask_of(message), payload)
    return partial(_stored, message, lease, options) if lease else partial(_followed, message)


def _start(user: User, question: str, payload: AnswerIn) -> Message:
    conversation = get_conversation(user, payload.conversation) if payload.conversation else None
    try:
        return start_answer(
            user,
            question=question,
            collections=payload.collections,
            conversation=conversation,
            filters=payload.filters.chosen(),
            instead_of=get_answer(user, payload.instead_of) if payload.instead_of else None,
            assistant=payload.assistant if "assistant" in payload.model_fields_set else KEPT,
        )
    except QuestionRefused as refused:
        raise Problem(409, refused.code, refused.detail) from refused


def _unstored_put(asked: Ask, payload: AnswerIn) -> Ask:
    try:
        assistant = chosen(asked.user, payload.assistant)
        require_somewhere(asked.user, assistant, asked.collections)
    except QuestionRefused as refused:
        raise Problem(409, refused.code, refused.detail) from refused
    return put_to(asked, assistant) if assistant else asked


def _with_options(asked: Ask, payload: AnswerIn) -> Ask:
    history = tuple(Turn(turn.role, turn.content) for turn in payload.history)
    return replace(
        asked,
        history=history or asked.history,
        model=payload.model or asked.model,
        max_tokens=payload.max_tokens or asked.max_tokens,
        temperature=asked.temperature if payload.temperature is None else payload.temperature,
        filters=payload.filters.chosen(),
        way="api",
    )


def _unstored(asked: Ask, gone: Callable[[], bool]) -> Generator[Event, None, None]:
    return run_unstored(asked, gone=gone)


def _stored(
    message: Message, lease: UUID, options: Ask, gone: Callable[[], bool]
) -> Generator[Event, None, None]:
    return run(message, lease, options=options, gone=gone)


def _followed(message: Message, gone: Callable[[], bool]) -> Generator[Event, None, None]:
    return follow(message, gone=gone)


def _as_json(events: Iterable[Event]) -> HttpResponse:
    """Raises Problem, 503 or one of STATUSES, where nothing was written."""
    body = collected(events)
    if body["status"] == "failed" and not body["text"]:
        status = STATUSES.get(body["error"]["code"], 503)
        raise Problem(status, body["error"]["code"], body["error"]["detail"])
    return JsonResponse(body)
