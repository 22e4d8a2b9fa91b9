"""Two processes with the small real model as replicas of each other: ours, and llama.cpp's own server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from inference.protocol import ChatMessage, ModelsUnavailable, Sampling
from tests.inference.model_process import SMALL, Process, asked, connected, together

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("kind", ["ours", "xllamacpp"])
def test_a_replica_is_killed_while_both_answer(held: ExitStack, tmp_path: Path, kind: str) -> None:
    processes = [Process(held, tmp_path / name, kind) for name in ("one", "two")]
    engine = connected(held, [each.url for each in processes])
    assert engine.parallel == 8 and engine.info.context == 1024
    found = together(engine, 12, processes[0])
    ends = [each.end for each in found]
    said = {end: ends.count(end) for end in ends}
    print(said, engine.describe(), engine.replicas.retries)  # noqa: T201
    assert set(ends) <= {"stop", "length", "models-lost"}
    lost = [each for each in found if each.end == "models-lost"]
    there = engine.replicas.replicas[0].ended
    # One may have come to its end before the kill.
    cut = sum(there.values()) - there.get("done", 0)
    assert 1 <= len(lost) <= cut, "those alone that had begun there"
    assert all(each.text for each in found), "who had no word yet gets the answer of the other one"
    assert engine.replicas.retries == cut - len(lost)
    assert [each["state"] for each in engine.describe()] == ["away", "ready"]
    assert asked(engine, 1).end in ("stop", "length")


def test_xllamacpp_answers_as_any_server_does(held: ExitStack, tmp_path: Path) -> None:
    process = Process(held, tmp_path / "one", "xllamacpp")
    engine = connected(held, [process.url])
    [told] = engine.describe()
    assert told["models"] == {SMALL: 1024} or told["models"] == {SMALL: 2048}
    assert (told["seats"], told["others"]) == (4, 0) and told["version"]
    question = [
        ChatMessage("system", "Answer in a word."),
        ChatMessage("user", "What is the capital of France?"),
    ]
    pieces = list(engine.chat(question, Sampling(max_tokens=24)))
    text = "".join(piece.text for piece in pieces)
    assert "Paris" in text and "<|" not in text and pieces[-1].finish == "stop"
    usage = pieces[-1].usage
    assert usage is not None and usage.prompt > 20 and 0 < usage.completion < 24
    again = list(engine.chat(question, Sampling(max_tokens=24)))
    assert "".join(piece.text for piece in again) == text
    assert again[-1].usage is not None and again[-1].usage.cached > 10
    cut = list(engine.chat(question, Sampling(max_tokens=1)))
    assert cut[-1].finish == "length"
    # The look that decides whether to answer reads the odds of the first word.
    look = [*question[:1], ChatMessage("user", "Is Paris in France? Answer Yes or No.")]
    pieces = list(engine.chat(look, Sampling(max_tokens=1, top_logprobs=20)))
    [top] = [piece.top for piece in pieces if piece.top]
    assert len(top) == 20 and {"yes", "no"} & {token.strip().lower() for token, _ in top}
    assert [value for _, value in top] == sorted((value for _, value in top), reverse=True)


def test_xllamacpp_says_what_is_too_long_and_stops_for_who_leaves(
    held: ExitStack, tmp_path: Path
) -> None:
    process = Process(held, tmp_path / "one", "xllamacpp")
    engine = connected(held, [process.url])
    with pytest.raises(ModelsUnavailable) as caught:
        list(engine.chat([ChatMessage("user", "word " * 6_000)], Sampling(max_tokens=8)))
    assert caught.value.code == "context-too-long" and caught.value.permanent
    left = engine.chat([ChatMessage("user", "Count to a thousand.")], Sampling(max_tokens=900))
    while not next(left).text:
        pass
    left.close()
    assert asked(engine, 1).end in ("stop", "length"), "nobody waits behind it"
    [told] = engine.describe()
    assert told["state"] == "ready" and told["running"] == 0
    assert told["answers"] == {"context-too-long": 1, "cancelled": 1, "done": 1}
