"""The API of asking, by its own bearer tokens and as a stream."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from accounts.models import User
from chat.models import Conversation, Message
from ingest.models import Collection
from tests.people import Api

FOLLOW_UP = "And what is the allowance in Switzerland?"
QUESTION = "How many days of annual leave does every employee have?"
ApiFor = Callable[..., Api]


def asked(api: Api, **body: Any) -> Any:
    return api.post("/answers", {"question": QUESTION, "stream": False, **body})


def test_an_answer_as_one_json(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    body = asked(api_for(bob)).json()
    assert body["status"] == "complete"
    assert "28 days" in body["text"]
    citation = body["citations"][0]
    passage = body["passages"][citation["n"] - 1]
    assert "28 days" in passage["text"][slice(*citation["quote"])]
    assert Message.objects.filter(pk=body["answer"], text=body["text"]).exists()


def test_private_answers_are_kept_nowhere(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    body = asked(api_for(bob), store=False).json()
    assert body["status"] == "complete"
    assert body["conversation"] == ""
    assert not Conversation.objects.exists()


def test_a_conversation_goes_on(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    api = api_for(bob)
    first = asked(api, question="What is the daily meal allowance in Germany?").json()
    second = asked(
        api,
        question=FOLLOW_UP,
        conversation=first["conversation"],
    ).json()
    assert "60 euros" in second["text"]
    detail = api.get(f"/conversations/{first['conversation']}").json()
    assert [message["role"] for message in detail["messages"]] == ["user", "assistant"] * 2


def test_history_may_come_along(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    history = [{"role": "user", "content": "What is the daily meal allowance in Germany?"}]
    body = asked(
        api_for(bob),
        question=FOLLOW_UP,
        history=history,
        store=False,
    ).json()
    assert "60 euros" in body["text"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": "x" * 50_000}, 413, "question-too-long"),
        ({"question": "  "}, 422, "question-empty"),
        ({"question": 7}, 422, "invalid"),
        ({"collections": ["nonsense"]}, 422, "invalid"),
        ({"model": "no-such-model"}, 503, "model-unknown"),
        ({"conversation": "00000000-0000-0000-0000-000000000000"}, 404, "not-found"),
    ],
)
def test_bad_questions(
    bob: User, handbook: Collection, api_for: ApiFor, body: dict[str, Any], status: int, code: str
) -> None:
    answer = asked(api_for(bob), **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_stranger_may_not_name_the_collection(
    charlie: User, handbook: Collection, api_for: ApiFor
) -> None:
    api = api_for(charlie)
    assert asked(api, collections=[str(handbook.pk)]).status_code == 404
    search = api.post("/search", {"query": "annual leave", "collections": [str(handbook.pk)]})
    assert search.status_code == 404
    assert api.post("/search", {"query": "annual leave"}).json()["passages"] == []


def test_scopes_bound_the_token(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    assert asked(api_for(bob, ["read"])).status_code == 403
    assert asked(api_for(None)).status_code == 401


@pytest.mark.parametrize("mode", ["hybrid", "fused", "dense", "lexical"])
def test_search_by_each_leg(bob: User, handbook: Collection, api_for: ApiFor, mode: str) -> None:
    body = (
        api_for(bob).post("/search", {"query": "days of annual leave", "mode": mode, "k": 2}).json()
    )
    assert [passage["rank"] for passage in body["passages"]] in ([1], [1, 2])
    assert "28 days" in body["passages"][0]["text"]
    assert set(body["ms"]) >= {"rank"}


def test_others_conversations_do_not_exist(
    bob: User, alice: User, handbook: Collection, api_for: ApiFor
) -> None:
    body = asked(api_for(bob)).json()
    api = api_for(alice)
    for method, path in [
        ("get", f"/conversations/{body['conversation']}"),
        ("get", f"/conversations/{body['conversation']}/export"),
        ("delete", f"/conversations/{body['conversation']}"),
        ("post", f"/answers/{body['answer']}/stop"),
    ]:
        assert getattr(api, method)(path).status_code == 404
    rating = api.post(f"/answers/{body['answer']}/feedback", {"rating": 1})
    assert rating.status_code == 404
    assert api.get("/conversations").json()["items"] == []


def test_rename_rate_export_delete(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    api = api_for(bob)
    body = asked(api).json()
    path = f"/conversations/{body['conversation']}"
    assert api.patch(path, {"title": "Leave <b>"}).json()["title"] == "Leave <b>"
    assert (
        api.post(
            f"/answers/{body['answer']}/feedback", {"rating": -1, "reason": "wrong"}
        ).status_code
        == 204
    )
    exported = api.get(f"{path}/export?format=md")
    assert exported["Content-Disposition"].startswith("attachment")
    assert "leave.md" in exported.content.decode()
    assert "<b>" not in exported.content.decode().replace("\\<b\\>", "")
    assert api.get(f"{path}/export?format=json").json()["messages"][1]["text"] == body["text"]
    assert api.get(f"{path}/export?format=exe").status_code == 422
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_the_models_that_can_be_asked(bob: User, api_for: ApiFor) -> None:
    [model] = api_for(bob).get("/models").json()
    assert model["name"] == "fake"
    assert api_for(None).get("/models").status_code == 401


def parsed(stream: str) -> list[tuple[str, Any]]:
    events = []
    for block in stream.split("\n\n"):
        if block.startswith("event: "):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


async def read(response: Any) -> str:
    return "".join([part.decode() async for part in response.streaming_content])


@pytest.mark.django_db(transaction=True)
async def test_the_stream_of_the_api(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    api = await sync_to_async(api_for)(bob)
    response = await AsyncClient().post(
        "/api/v1/answers",
        json.dumps({"question": QUESTION}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.token}"},
    )
    assert response["Content-Type"].startswith("text/event-stream")
    events = parsed(await read(response))
    names = [name for name, _ in events]
    assert names[:2] == ["started", "sources"]
    assert names[-1] == "done"
    assert names.index("token") < names.index("citation")


@pytest.mark.django_db(transaction=True)
async def test_the_stream_of_the_page(bob: User, handbook: Collection) -> None:
    from chat.conversations import start_answer

    message = await sync_to_async(start_answer)(bob, question=QUESTION, collections=None)
    client = AsyncClient()
    await client.aforce_login(bob, backend="accounts.backends.EmailBackend")
    response = await client.get(f"/answers/{message.pk}/stream")
    assert response["X-Accel-Buffering"] == "no"
    assert parsed(await read(response))[-1][0] == "done"
    replayed = parsed(await read(await client.get(f"/answers/{message.pk}/stream")))
    assert replayed[-1][1]["status"] == "complete"


@pytest.mark.django_db(transaction=True)
async def test_a_strangers_stream_does_not_exist(
    bob: User, charlie: User, handbook: Collection
) -> None:
    from chat.conversations import start_answer

    message = await sync_to_async(start_answer)(bob, question=QUESTION, collections=None)
    client = AsyncClient()
    await client.aforce_login(charlie, backend="accounts.backends.EmailBackend")
    assert (await client.get(f"/answers/{message.pk}/stream")).status_code == 404
    await message.arefresh_from_db()
    assert message.status == Message.Status.QUEUED
