"""What a model would read and a person would not see is gone before either does."""

import pytest

from ingest.parsers.clean import clean, seen
from tests.hostile.corpus import ATTEMPTS, Attempt

HIDDEN = "\U000e0041\U000e0100\u200b\u2060\u2066\u202e\u061c\u180e\u00ad\ufeff\u034f\ufff9"
UNICODE = [attempt for attempt in ATTEMPTS if attempt.family == "unicode"]


@pytest.mark.parametrize("attempt", UNICODE, ids=lambda each: each.name)
def test_nothing_hidden_is_left(attempt: Attempt) -> None:
    for text in (clean(attempt.text), seen(attempt.text), seen(attempt.text, part=True)):
        assert not set(text) & set(HIDDEN.replace("\U000e0100", ""))
        assert "\u2028" not in text and "\u0085" not in text
    assert not any(ord(char) >= 0xE0000 for char in clean(attempt.text))
    assert len([char for char in clean(attempt.text) if "\ufe00" <= char <= "\ufe0f"]) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u0634\u0648\u062f",
        "\u0915\u094d\u200d\u0937",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
        "\u8fbb\U000e0100 and \u845b\U000e0101",
    ],
    ids=["persian", "hindi", "emoji", "names"],
)
def test_what_scripts_need_stays(text: str) -> None:
    assert clean(text) == seen(text) == text


@pytest.mark.parametrize("hidden", ["\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\u034f"])
def test_a_word_is_found_whatever_stands_between_its_letters(hidden: str) -> None:
    assert clean(hidden.join("Ignore")) == "Ignore"


def test_pieces_of_a_stream_keep_what_joins_them() -> None:
    word = "\u0645\u06cc\u200c\u0634\u0648\u062f"
    assert "".join(seen(char, part=True) for char in word) == word
