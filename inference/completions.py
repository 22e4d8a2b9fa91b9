"""Pieces as chat completions in OpenAI's form: a stream of chunks, or one answer."""

import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from uuid import uuid4

from inference.call import Call, event
from inference.protocol import Piece, Usage


async def stream(call: Call, pieces: AsyncIterator[Piece | int], model: str) -> None:
    identity = f"chatcmpl-{uuid4().hex}"
    base: dict[str, object] = {
        "id": identity,
        "object": "chat.completion.chunk",
        "created": int(time.time()),
    }
    base["model"] = model
    async for item in pieces:
        if not call.started:
            await call.start(200, "text/event-stream")
        if isinstance(item, int):
            await call.write(f": waiting {item}\n\n".encode(), more=True)
            continue
        delta = {"content": item.text} if item.text else {}
        choice = {"index": 0, "delta": delta, "finish_reason": item.finish, **_logprobs(item)}
        usage = {"usage": _usage(item.usage)} if item.usage else {}
        spent = {"spent": asdict(item.spent)} if item.spent else {}
        await call.write(event({**base, "choices": [choice], **usage, **spent}), more=True)
    await call.write(b"data: [DONE]\n\n", more=False)


async def whole(call: Call, pieces: AsyncIterator[Piece | int], model: str) -> None:
    text, last = "", Piece()
    async for item in pieces:
        if isinstance(item, Piece):
            text, last = text + item.text, item
    message = {"role": "assistant", "content": text}
    await call.json(
        {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": last.finish}],
            "usage": _usage(last.usage or Usage()),
        }
    )


def _logprobs(piece: Piece) -> dict[str, object]:
    if not piece.top:
        return {}
    top = [{"token": token, "logprob": value} for token, value in piece.top]
    return {"logprobs": {"content": [{**top[0], "top_logprobs": top}]}}


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {
            "accepted_prediction_tokens": usage.kept,
            "rejected_prediction_tokens": usage.guessed - usage.kept,
        },
    }
