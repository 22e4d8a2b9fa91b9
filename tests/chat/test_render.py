"""The Markdown that answers may use: what becomes a style, and what stays the text that it is."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from chat.models import Citation, Conversation, Message
from chat.present import present_answer
from chat.render import SEAM, Piece, marker, plain, styled
from tests.people import make_conversation

MARKUP = st.text(st.sampled_from([*"ab .*_`[]()<>!#-1\\&;:/\n", SEAM]), max_size=60)


def of(*sentences: str) -> list[tuple[Piece, ...]]:
    return styled(sentences)


def test_bold_italic_and_code_are_pieces() -> None:
    [pieces] = of("It is **30 days** or *more*, see `leave.txt`.")
    assert plain(pieces) == "It is 30 days or more, see leave.txt."
    assert [each.text for each in pieces if each.strong] == ["30 days"]
    assert [each.text for each in pieces if each.em] == ["more"]
    assert [each.text for each in pieces if each.code] == ["leave.txt"]


def test_a_style_spans_sentences_and_each_keeps_its_own_words() -> None:
    first, second, third = of("**Note.", " It is *30* days.** ", "More.")
    assert [plain(each) for each in (first, second, third)] == [
        "Note.",
        " It is 30 days. ",
        "More.",
    ]
    assert all(piece.strong for piece in first)
    assert [piece.em for piece in second if piece.text == "30"] == [True]
    assert not any(piece.strong for piece in third)


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://canary.invalid/a.png)",
        "[x](https://canary.invalid) [x][1]",
        "<https://canary.invalid> https://canary.invalid www.canary.invalid",
        "<b onclick=x>&lt;script&gt; &#60;img&#62;",
        "2 * 3 * 4 = 24, snake_case_name and __init__ at C:\\*.txt",
        "# no heading, > no quote, | no | table |, ~~no~~ ***",
        "[1]: https://canary.invalid",
    ],
)
def test_everything_else_is_the_text_that_it_was(text: str) -> None:
    [pieces] = of(text)
    assert plain(pieces) == text
    assert not any(each.strong or each.em or each.code for each in pieces)


@pytest.mark.parametrize(
    ("line", "text", "number"),
    [
        ("- a", "- ", 0),
        ("* **a**", "* ", 0),
        ("• a", "• ", 0),
        ("12. a", "12. ", 12),
        ("3) a", "3) ", 3),
    ],
)
def test_items_of_lists(line: str, text: str, number: int) -> None:
    found = marker(line)
    assert found is not None and (found.text, found.number) == (text, number)


@pytest.mark.parametrize(
    "line", ["-5 degrees", "2026. A year", "3.5 hours", "**Bold** line", "-", "1."]
)
def test_lines_that_are_no_items(line: str) -> None:
    assert marker(line) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(MARKUP, min_size=1, max_size=4))
def test_no_word_is_lost_and_none_moves_to_another_sentence(sentences: Sequence[str]) -> None:
    def words(text: str) -> str:
        return "".join(char for char in text if char.isalnum())

    assert [words(plain(each)) for each in styled(sentences)] == [words(each) for each in sentences]


def answer(user: User, text: str, **fields: str) -> Message:
    message = make_conversation(user).messages.get(ordinal=1)
    message.text = text
    for name, value in fields.items():
        setattr(message, name, value)
    message.save()
    return message


def test_a_page_sets_lists_and_files_write_them(alice: User) -> None:
    message = answer(alice, "You need:\n- a **form**\n- a stamp\n1. Sign.\n3. Send.\nDone.")
    shown = present_answer(alice, message)
    assert [(block.kind, len(block.lines)) for block in shown.blocks] == [
        ("text", 1),
        ("bullets", 2),
        ("numbers", 2),
        ("text", 1),
    ]
    assert ["".join(each.text for each in line) for line in shown.paragraphs] == [
        "You need:",
        "- a form",
        "- a stamp",
        "1. Sign.",
        "3. Send.",
        "Done.",
    ]


def test_sentences_keep_their_citations_inside_lists_and_styles(alice: User) -> None:
    text = "- **30 days.** More [1].\n- none"
    message = answer(alice, text)
    for start, end in ((0, 14), (15, 24)):
        Citation.objects.create(
            message=message, sentence_start=start, sentence_end=end, support="verified"
        )
    line, other = present_answer(alice, message).blocks[0].lines
    assert [(each.text, each.support) for each in line.segments if each.support] == [
        ("30 days.", "verified"),
        ("More.", "verified"),
    ]
    assert not any(segment.support for segment in other.segments)


def test_words_of_documents_are_shown_as_they_stand(alice: User) -> None:
    message = answer(alice, "* required **fields** `x`", model="extractive")
    [[segment]] = present_answer(alice, message).paragraphs
    assert segment.text == "* required **fields** `x`"


def test_the_page_has_elements_for_styles_and_none_for_links(alice: User, client_for) -> None:  # type: ignore[no-untyped-def]
    message = answer(alice, "- **a** *b* `c` ![i](//canary.invalid/i) <u>d</u>")
    page = client_for(alice).get(f"/answers/{message.pk}").content.decode()
    assert "<strong>a</strong>" in page and "<em>b</em>" in page and "<code>c</code>" in page
    assert "![i](//canary.invalid/i) &lt;u&gt;d&lt;/u&gt;" in page and "<li>" in page
    assert Conversation.objects.count() == 1
