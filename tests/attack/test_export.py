"""A conversation that is taken along opens nothing that a document wrote."""

import pytest

from accounts.models import User
from chat.export import as_markdown
from chat.paper import paper
from tests import people


@pytest.mark.parametrize(
    "trick",
    [
        "[1]: javascript:alert(1)",
        "[x](https://evil.example)",
        "![x](//evil.example/p.png)",
        "<img src=x onerror=alert(1)>",
        "<https://evil.example>",
        "a\r\n# forged",
    ],
)
def test_nothing_becomes_a_link(alice: User, trick: str) -> None:
    conversation = people.make_conversation(alice)
    conversation.messages.update(text=trick)
    text = as_markdown(paper(alice, conversation))
    for mark in ("]:", "](", "\n# forged"):
        assert mark not in text
    for mark in ("<", "!", "://"):
        assert text.count(mark) == text.count("\\" + mark)
