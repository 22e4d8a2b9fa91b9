"""Questions asked anew, or in other words: a conversation is a tree, of which one branch is shown.

A question stands right before its answer and goes on from an earlier answer. Several that go on from
the same one are variants of each other; what was asked after one of them stays with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chat.models import Conversation, Message

#: What the first question of a conversation goes on from.
BEGINNING = -1


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer by ordinals, and the answers of all its variants in their order."""

    question: int
    answer: int
    variants: tuple[int, ...]


def branch(parents: Mapping[int, int], last: int | None) -> list[Turn]:
    """The turns that lead to the answer `last`; to the newest one where None or not there.

    `parents`: for each question the ordinal of the answer that it goes on from.
    """
    if not parents:
        return []
    children: dict[int, list[int]] = {}
    for question, parent in sorted(parents.items()):
        children.setdefault(parent, []).append(question + 1)
    at = last if last is not None and last - 1 in parents else max(parents) + 1
    turns: list[Turn] = []
    while at - 1 in parents and not (turns and at >= turns[-1].question):
        parent = parents[at - 1]
        turns.append(Turn(at - 1, at, tuple(children[parent])))
        at = parent
    return turns[::-1]


def newest(parents: Mapping[int, int], answer: int) -> int:
    """The end of the branch that went on from `answer`, the newest where there are several."""
    after: dict[int, int] = {}
    for question, parent in parents.items():
        after[parent] = max(question, after.get(parent, question))
    while after.get(answer, answer) > answer:
        answer = after[answer] + 1
    return answer


def parents_of(conversation: Conversation) -> dict[int, int]:
    """Each question's ordinal, with that of the answer that it goes on from."""
    questions = conversation.messages.filter(role=Message.Role.USER)
    return {
        ordinal: ordinal - 1 if after is None else after
        for ordinal, after in questions.values_list("ordinal", "after")
    }


def shown(conversation: Conversation) -> list[Turn]:
    """The branch that the person looks at."""
    return branch(parents_of(conversation), conversation.shown)


def before(answer: Message) -> list[Message]:
    """The messages of its branch up to its question, in order."""
    turns = branch(parents_of(answer.conversation), answer.ordinal)
    ordinals = {ordinal for turn in turns for ordinal in (turn.question, turn.answer)}
    rows = answer.conversation.messages.filter(ordinal__in=ordinals - {answer.ordinal})
    return list(rows.order_by("ordinal"))
