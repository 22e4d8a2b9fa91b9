"""Questions and answers as the thread of the Ask page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import User
from chat import answered, branches
from chat.answered import Cost
from chat.feedback import judged
from chat.models import Conversation, Message
from chat.present import PresentedAnswer, present_answers


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer, as the thread shows them.

    `variants`: ids of the answers to what was asked in this place, in their order.
    """

    message: Message
    answer: PresentedAnswer
    variants: tuple[UUID, ...] = ()
    cost: Cost | None = None

    @property
    def judged(self) -> dict[str, Any]:
        return judged(getattr(self.message, "feedback", None))

    @property
    def number(self) -> int:
        return self.variants.index(self.message.pk) + 1

    @property
    def previous(self) -> UUID | None:
        return self.variants[self.number - 2] if self.number > 1 else None

    @property
    def following(self) -> UUID | None:
        return self.variants[self.number] if self.number < len(self.variants) else None

    @property
    def seconds(self) -> float:
        return float(self.message.ms.get("total", 0)) / 1000

    @property
    def unfinished(self) -> bool:
        return self.message.status in {Message.Status.QUEUED, Message.Status.RUNNING}


def exchanges(
    user: User, conversation: Conversation, turns: Sequence[branches.Turn]
) -> list[Exchange]:
    """These turns of a conversation of `user`'s own, by as many queries as one takes."""
    wanted = conversation.messages.filter(ordinal__in=[turn.answer for turn in turns])
    found = list(wanted.order_by("ordinal").select_related("conversation", "feedback"))
    others = {ordinal for turn in turns for ordinal in turn.variants if len(turn.variants) > 1}
    ids = dict(conversation.messages.filter(ordinal__in=others).values_list("ordinal", "pk"))
    ids |= {message.ordinal: message.pk for message in found}
    variants = {turn.answer: tuple(ids[each] for each in turn.variants) for turn in turns}
    costs = answered.costs([message.pk for message in found])
    return [
        Exchange(message, answer, variants[message.ordinal], costs.get(message.pk))
        for message, answer in zip(found, present_answers(user, found), strict=True)
    ]


def exchange(user: User, answer: Message) -> Exchange:
    """One answer as the end of its branch."""
    parents = branches.parents_of(answer.conversation)
    turn = branches.branch(parents, answer.ordinal)[-1]
    return exchanges(user, answer.conversation, [turn])[0]
