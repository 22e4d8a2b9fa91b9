"""The people and things of the tests. Alice manages, Erin edits, Bob reads, Charlie is a stranger."""

import hashlib
from typing import Any

from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import Group, User
from accounts.tokens import create_token
from chat.models import Conversation, Message, Source
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Grant, Receipt, SourceItem, SyncSource

PASSWORD = "correct horse battery staple"

#: In every text of Alice's documents and conversations. Whoever reads it may read her collection.
CANARY = "kestrel-lantern-4417"

JSON = "application/json"


def make_user(name: str, **fields: Any) -> User:
    """Make `name`@example.com with PASSWORD."""
    fields.setdefault("password", PASSWORD)
    return User.objects.create_user(f"{name.lower()}@example.com", name=name, **fields)


def make_group(name: str, *users: User) -> Group:
    group = Group.objects.create(name=name)
    group.users.set(users)
    return group


def grant(collection: Collection, to: User | Group | None, role: str) -> Grant:
    """Grant `role` to a user, a group, or (None) to everyone."""
    if isinstance(to, User):
        return Grant.objects.create(collection=collection, user=to, role=role)
    if isinstance(to, Group):
        return Grant.objects.create(collection=collection, group=to, role=role)
    return Grant.objects.create(collection=collection, everyone=True, role=role)


def make_collection(manager: User | None, name: str = "Handbook", **roles: User) -> Collection:
    """Make a collection; `reader=bob` grants as well. manager None: nobody may see it yet."""
    collection = Collection.objects.create(name=name, created_by=manager)
    if manager is not None:
        grant(collection, manager, Grant.Role.MANAGER)
    for role, user in roles.items():
        grant(collection, user, role)
    return collection


def make_document(
    collection: Collection,
    text: str = f"Annual leave is 30 days. {CANARY}.",
    name: str = "leave.txt",
    status: str = Document.Status.READY,
    **fields: Any,
) -> Document:
    """Make a document whose original holds `text`; a ready one has that text as its only chunk."""
    data = text.encode()
    document = Document(
        collection=collection,
        name=name,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="text/plain",
        status=status,
        title=name,
        language="en",
        uploaded_by=collection.created_by,
        **fields,
    )
    document.file.save(name, ContentFile(data), save=False)
    document.save()
    if status == Document.Status.READY:
        _finish(document, text)
    return document


def _finish(document: Document, text: str) -> None:
    make_chunk(document, text)
    document.chunk_count = 1
    document.ready_at = document.words_at = timezone.now()
    document.visible = True
    document.save()


def make_chunk(document: Document, text: str, ordinal: int = 0) -> Chunk:
    return Chunk.objects.create(
        index=active(),
        document=document,
        ordinal=ordinal,
        text=text,
        context=document.title,
        start=0,
        end=len(text),
    )


def make_conversation(user: User, chunk: Chunk | None = None) -> Conversation:
    """Make a question and its finished answer, resting on `chunk`; both hold the canary."""
    conversation = Conversation.objects.create(user=user, title=f"Leave {CANARY}")
    Message.objects.create(
        conversation=conversation, ordinal=0, role=Message.Role.USER, text=f"How much? {CANARY}"
    )
    answer = Message.objects.create(
        conversation=conversation,
        ordinal=1,
        role=Message.Role.ASSISTANT,
        text=f"30 days {CANARY} [1].",
        finished_at=timezone.now(),
    )
    if chunk is not None:
        Source.objects.create(message=answer, n=1, chunk=chunk, document=chunk.document, score=0.9)
    return conversation


def make_receipt(user: User, document: Document) -> Receipt:
    return Receipt.objects.create(
        document_id=document.id,
        collection_id=document.collection_id,
        requested_by=user,
        finished_at=timezone.now(),
        removed={"chunks": 1},
    )


def make_source(collection: Collection) -> dict[str, object]:
    """A source of the collection with one file that was erased here, by the words before their keys."""
    source = SyncSource.objects.create(
        collection=collection, kind="folder", name=f"Share {CANARY}", settings={"path": "/srv"}
    )
    item = SourceItem.objects.create(
        source=source, digest="0" * 64, key="a.txt", path=source.name, name="a.txt", left_out=True
    )
    return {"sync": source.pk, "items": item.pk}


class Api(Client):
    """A client of the API: a bearer token, and JSON bodies without ceremony."""

    def __init__(self, user: User | None, scopes: list[str] | None = None, **extra: Any) -> None:
        token = create_token(user, name="test", scopes=scopes).secret if user else ""
        headers = {"Authorization": f"Bearer {token}"} if user else {}
        super().__init__(headers=headers, **extra)
        self.token = token

    def generic(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Addresses are written without their common beginning: `api.get("/me")`."""
        prefix = "" if path.startswith(("/api/", "/v1/")) else "/api/v1"
        return super().generic(method, prefix + path, *args, **kwargs)

    # A body is sent as JSON; `content_type=MULTIPART_CONTENT` uploads files.
    def post(self, path: str, data: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        return super().post(path, {} if data is None else data, **{"content_type": JSON, **kwargs})

    def put(self, path: str, data: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        return super().put(path, {} if data is None else data, **{"content_type": JSON, **kwargs})

    def patch(self, path: str, data: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        return super().patch(path, {} if data is None else data, **{"content_type": JSON, **kwargs})
