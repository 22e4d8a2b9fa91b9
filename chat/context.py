"""What one answer is written from: the passages that fit, as the model and the reader see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from chat.ask import Ask
from chat.events import PassageData, PassageDocument
from chat.pack import Packed, ample, budget, excerpt, excerpt_words, pack
from chat.passages import Passage, joined
from inference.language import detect_language
from inference.protocol import ModelInfo, ModelsClient
from ingest.terms import query_terms, terms

#: Passages shown and quoted from where no chat model reads them.
EXTRACTIVE_PASSAGES = 4


@dataclass(frozen=True, slots=True)
class Context:
    """`passages` are those that the model was given, in the order of their numbers from 1."""

    passages: tuple[Passage, ...]
    packed: Packed
    language: str
    question_terms: tuple[str, ...]

    @property
    def foreign(self) -> tuple[bool, ...]:
        """For each passage: is it in another language than the question?"""
        return tuple(
            bool(self.language and passage.language and passage.language != self.language)
            for passage in self.passages
        )

    def data(self) -> tuple[PassageData, ...]:
        """The passages as the `sources` event carries them."""
        return tuple(passage_data(n, passage) for n, passage in enumerate(self.passages, 1))


def passage_data(n: int, passage: Passage) -> PassageData:
    """One passage as events and pages carry it."""
    return PassageData(
        n=n,
        text=passage.text,
        heading=passage.heading,
        page=passage.page,
        score=passage.score,
        chunk=str(passage.chunk),
        document=PassageDocument(
            str(passage.document), passage.document_name, str(passage.collection)
        ),
        page_label=passage.page_label,
    )


def build(
    client: ModelsClient,
    model: ModelInfo | None,
    ask: Ask,
    searched: str,
    passages: Sequence[Passage],
) -> Context:
    """Fit `passages` into what this model and machine read in time. `searched` is the full question."""
    language = detect_language(ask.question)
    wanted = tuple(query_terms(searched, language))
    if model is None:
        kept = tuple(passages[:EXTRACTIVE_PASSAGES])
        return Context(kept, Packed(len(kept), "", searched), language, wanted)
    tokens = passage_tokens(model)
    if ample(tokens, [passage.text for passage in passages]):
        passages = joined(ask.user, passages)
    most = excerpt_words(tokens, len(passages))
    packed = pack(
        [_best_part(passage, frozenset(wanted), most) for passage in passages],
        [_label(passage) for passage in passages],
        ask.question,
        tokens=tokens,
        count=client.count,
        history=ask.history[-2:] if searched != ask.question else (),
    )
    return Context(tuple(passages[: packed.kept]), packed, language, wanted)


def _best_part(passage: Passage, wanted: frozenset[str], most: int) -> str:
    language = passage.language or "en"
    start, end = excerpt(passage.text, wanted, lambda part: terms(part, language), most)
    return passage.text[start:end]


def passage_tokens(model: ModelInfo) -> int:
    """The budget of passages: the setting, else what the measured speed of this machine allows."""
    return settings.PASSAGE_TOKENS or budget(
        model.speed, settings.FIRST_TOKEN_SECONDS, model.context, settings.MAX_ANSWER_TOKENS
    )


def _label(passage: Passage) -> str:
    name = passage.title or passage.document_name
    if passage.heading.startswith(name):
        return passage.heading
    return f"{name} › {passage.heading}" if passage.heading else name
