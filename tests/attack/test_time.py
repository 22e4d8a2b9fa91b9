"""Texts that are made to take long. Each of these took from ten seconds to minutes once."""

import time

import pytest

from chat import cite
from chat.cite import AnswerWriter, Basis

MOST_SECONDS = 4.0
SIZE = 10_000
#: Of Chinese a passage holds far fewer (ingest/atoms.py counts letters).
SIZE_CJK = 500


@pytest.mark.parametrize(
    "unit",
    ["A. ", "e.g. ", "中。", "a. [1] ", ".", ".)", "z. b ", "'\".", "1,000,", "a@a.", "May 1 - "],
)
def test_no_passage_holds_up_an_answer(unit: str) -> None:
    """Of the size of the largest passage, and a model that repeats it."""
    text = unit * ((SIZE if unit.isascii() else SIZE_CJK) // len(unit))
    # Of this thread alone: what else goes on in the process is not the answer's.
    start = time.thread_time()
    cite.sentences(text)
    writer = AnswerWriter([Basis(text)] * 8)
    for place in range(0, 1_500, 4):
        list(writer.feed((text * 4)[place : place + 4]))
    list(writer.close())
    quoted = AnswerWriter([Basis(text)] * 4)
    list(quoted.feed(text))
    list(quoted.close())
    assert time.thread_time() - start < MOST_SECONDS
