"""A conversation as it is written down for people: turns, checked sentences, numbered sources.

Markdown, PDF and Word are made from it, so that all say the same. Own conversations only.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from chat import branches
from chat.conflicts_view import ConflictView, Side
from chat.models import Conversation, Message
from chat.present import PresentedAnswer, Segment, SourceView, presented

#: Characters that order others about: a name or a sentence may not turn what stands after it.
_DIRECTING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`support`: verified, likely, none, or empty for what stands between sentences."""

    text: str
    support: str = ""
    marks: tuple[int, ...] = ()

    def written(self) -> str:
        """The marks, and what a reader has to know about the sentence, as they follow its text."""
        said = "".join(f" [{n}]" for n in self.marks)
        if self.support == "likely":
            said += f" ({_('likely, not word for word')})"
        elif self.support == "none":
            said += f" ({_('no source')})"
        return said


@dataclass(frozen=True, slots=True)
class Listed:
    """A source below an answer. Without a `document` it is gone, or no longer open to the reader."""

    n: int
    document: str = ""
    place: str = ""

    def written(self) -> str:
        gone = _("This passage is no longer there, or no longer open to you.")
        return ", ".join(filter(None, [self.document, self.place])) if self.document else gone


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two statements, the newer one first, each with its source, and why it is the newer one."""

    statements: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Turn:
    question: str
    at: datetime
    paragraphs: tuple[tuple[Sentence, ...], ...]
    note: str
    sources: tuple[Listed, ...]
    model: str = ""
    conflicts: tuple[Disagreement, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    title: str
    turns: tuple[Turn, ...]
    #: The documents that it names and speaks from: for the record.
    documents: frozenset[UUID]


def paper(user: User, conversation: Conversation) -> Paper:
    """What `user` may read now of the shown branch of her conversation. Recording is the caller's."""
    ordinals = [turn.answer for turn in branches.shown(conversation)]
    answers = list(conversation.messages.filter(ordinal__in=ordinals).order_by("ordinal"))
    shown = presented(user, answers)
    turns = (_turn(message, answer) for message, answer in zip(answers, shown, strict=True))
    documents = {source.document for answer in shown for source in answer.sources}
    return Paper(cleaned(conversation.title), tuple(turns), frozenset(pk for pk in documents if pk))


def legend() -> str:
    """What the marks mean, for the foot of a file."""
    return _(
        "Each sentence was compared with the words of its source. A number alone: verified. "
        "“Likely, not word for word”: near to its source. “No source”: nothing was found that says this."
    )


def cleaned(text: str) -> str:
    """`text` without characters that no file may hold, or that turn the direction of others."""
    return "".join(char for char in text if char in "\n\t" or _plain(char))


def _plain(char: str) -> bool:
    return (
        char not in _DIRECTING
        and unicodedata.category(char) not in ("Cc", "Cs")
        and ord(char) & 0xFFFE != 0xFFFE
    )


def _turn(message: Message, answer: PresentedAnswer) -> Turn:
    told = [] if answer.status == Message.Status.ABSTAINED else answer.paragraphs
    return Turn(
        question=cleaned(answer.question),
        at=message.created_at,
        paragraphs=tuple(tuple(_sentences(paragraph)) for paragraph in told),
        note=_note(answer),
        sources=tuple(_listed(answer.sources)),
        model=answer.model,
        conflicts=tuple(map(_disagreement, answer.conflicts)),
    )


def _disagreement(conflict: ConflictView) -> Disagreement:
    return Disagreement(tuple(map(_statement, conflict.sides)), conflict.why)


def _statement(side: Side) -> str:
    said, name = (" ".join(cleaned(each).split()) for each in (side.quote, side.document_name))
    about = ", ".join(filter(None, [name, cleaned(side.page_label), side.dated]))
    return f"“{said}” [{side.n}] ({about})"


def _note(answer: PresentedAnswer) -> str:
    match answer.status:
        case Message.Status.ABSTAINED:
            return _("The documents do not say.")
        case Message.Status.STOPPED:
            return _("This answer was stopped, or its page was left, before it was done.")
        case Message.Status.FAILED:
            return answer.error_detail or _("The answer could not be finished.")
    return ""


def _sentences(segments: Iterable[Segment]) -> Iterator[Sentence]:
    for segment in segments:
        marks = dict.fromkeys(cite.n for cite in segment.citations)
        yield Sentence(cleaned(segment.text), segment.support, tuple(marks))


def _listed(sources: Iterable[SourceView]) -> Iterator[Listed]:
    for source in sources:
        if source.erased:
            yield Listed(source.n)
            continue
        place = " · ".join(filter(None, [source.heading, source.page_label]))
        name = " ".join(cleaned(source.document_name).split())
        yield Listed(source.n, name, " ".join(cleaned(place).split()))
