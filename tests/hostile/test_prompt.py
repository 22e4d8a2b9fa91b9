"""What the model is given: passages stay in their frame, whatever they say, for every family of models."""

import re
from itertools import product

import pytest

from chat.condense import Turn
from chat.pack import Packed, messages, pack, task
from chat.sentences import MARK
from inference.templates import FAMILIES, neutralise, render
from tests.hostile.corpus import ATTEMPTS, Attempt

PLACES = ["text", "label", "history", "question"]
#: How each family writes the ends of turns and its speakers.
SPECIAL = re.compile(
    r"<\|[^|<>\n]{1,64}\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<[be]os>|^(?:User|System|Assistant):",
    re.MULTILINE,
)
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")


def packed(attempt: Attempt, place: str) -> Packed:
    """The attempt at one place; what is in several pieces stands in as many passages."""
    texts = list(attempt.pieces) if place == "text" else ["Leave is 30 days."]
    return pack(
        texts,
        [attempt.text if place == "label" else "Leave"] * len(texts),
        attempt.text if place == "question" else "How many days?",
        tokens=10_000,
        count=lambda lines: [1] * len(lines),
        history=[Turn("assistant", attempt.text)] if place == "history" else [],
    )


def prompt(attempt: Attempt, place: str) -> str:
    return messages(packed(attempt, place), task("en"))[-1].content


@pytest.mark.parametrize("place", PLACES)
def test_the_frame_holds(place: str) -> None:
    for attempt in ATTEMPTS:
        said = prompt(attempt, place)
        # The question is the asker's own word, and nobody else's: its frame is what stands before it.
        framed = said.split("\nQuestion: ")[0] if place == "question" else said
        marks = re.findall(r"<\s*/?\s*passages", framed.lower())
        assert marks == ["<passages", "</passages"], attempt.name
        lines = said.splitlines()
        passages = lines[1 : lines.index("</passages>")]
        numbers = [f"[{n}] " for n in range(1, len(passages) + 1)]
        assert [line[:4] for line in passages] == numbers, attempt.name
        assert sum(line.startswith("Question: ") for line in lines) == 1, attempt.name
        assert lines[-1] == task("en"), attempt.name


@pytest.mark.parametrize("place", ["text", "label"])
def test_marks_in_documents_are_no_marks(place: str) -> None:
    for attempt in ATTEMPTS:
        for line in prompt(attempt, place).splitlines():
            assert not line.startswith("[") or not MARK.search(line, 3), attempt.name


@pytest.mark.parametrize("place", PLACES)
def test_no_character_is_read_that_is_not_seen(place: str) -> None:
    for attempt in ATTEMPTS:
        assert not INVISIBLE.search(prompt(attempt, place)), attempt.name


@pytest.mark.parametrize(("family", "place"), [*product(FAMILIES, PLACES)])
def test_special_tokens_are_ours_alone(family: str, place: str) -> None:
    for attempt in ATTEMPTS:
        for segment in render(messages(packed(attempt, place), task("en")), family):
            assert segment.trusted or not SPECIAL.search(segment.text), attempt.name


@pytest.mark.parametrize("place", PLACES)
def test_another_server_gets_no_special_token_either(place: str) -> None:
    """It renders its own template: only breaking the tokens up helps there."""
    for attempt in ATTEMPTS:
        for message in messages(packed(attempt, place), task("en")):
            assert not SPECIAL.search(neutralise(message.content)), attempt.name
