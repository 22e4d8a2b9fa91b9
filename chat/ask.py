"""One question, as the question flow takes it."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from django.utils.crypto import salted_hmac

from accounts.models import User
from chat.condense import Turn
from chat.tally import Tally
from ingest.filters import Filters

#: Of every answer but an assistant's: whoever asks the same reads the same.
SEED = 7


@dataclass(frozen=True, slots=True)
class Guise:
    """What an assistant adds to a question (chat/assistant_use.py). `id` None: one that is tried."""

    name: str
    version: str
    instructions: str = ""
    model: str = ""
    id: UUID | None = None


#: By what an answer is asked for.
Way = Literal["page", "api", "command", "evaluation"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: who asks, where, among which documents, and after what.

    `by_name`: whether documents that the question names come first. `temperature` None: the
    assistant's, or 0.
    """

    user: User
    question: str
    collections: tuple[UUID, ...]
    answer: UUID
    conversation: UUID | None = None
    history: tuple[Turn, ...] = ()
    model: str = ""
    max_tokens: int = 0
    temperature: float | None = None
    filters: Filters = field(default_factory=Filters)
    by_name: bool = True
    way: Way = "page"
    #: What its generations took; filled while it is written.
    tally: Tally = field(default_factory=Tally, compare=False)
    assistant: Guise | None = None
    #: A code, where it cannot be answered after all.
    refused: str = ""

    @property
    def seed(self) -> int:
        """What chance begins with: another for each answer of an assistant that varies its words."""
        return self.answer.int % 2**31 if self.assistant and self.temperature else SEED

    @property
    def asker(self) -> str:
        """Who asks, for the models process: the same for all that a person asks, and no name of theirs."""
        return salted_hmac("sovereign.asker", str(self.user.pk)).hexdigest()[:32]
