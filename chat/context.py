"""What one answer is written from: the passages that fit, as the model and the reader see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from chat import near
from chat.ask import Ask
from chat.events import Instant, PassageData, PassageDocument, QuoteData
from chat.failures import detail_of
from chat.find import Finding
from chat.pack import Count, Packed, ample, budget, fits, line, pack
from chat.parts import WORDS_READ, Part, best_first, quotes, read, text_of
from chat.passages import Passage, joined
from inference.language import detect_language
from inference.protocol import ModelInfo, ModelsClient, ModelsUnavailable
from ingest.terms import query_terms

#: Passages shown and quoted from where no chat model reads them.
EXTRACTIVE_PASSAGES = 4
#: Sentences are quoted from so many of the first.
QUOTED_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Quoted:
    """Characters `start` to `end` of passage `n` (from 1): words of the document, unchanged."""

    n: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Context:
    """`passages` are those that the model was given, in the order of their numbers from 1.

    `quotes` are sentences of them that answer as they stand.
    """

    passages: tuple[Passage, ...]
    packed: Packed
    language: str
    question_terms: tuple[str, ...]
    quotes: tuple[Quoted, ...] = ()
    #: What was found beside them.
    others: tuple[Passage, ...] = ()

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

    def instant(self) -> Instant:
        """The quotes as the event of that name carries them."""
        return Instant(
            tuple(
                QuoteData(each.n, (each.start, each.end), self.said(each)) for each in self.quotes
            )
        )

    def said(self, quoted: Quoted) -> str:
        return self.passages[quoted.n - 1].text[quoted.start : quoted.end]


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


def build(client: ModelsClient, model: ModelInfo | None, ask: Ask, found: Finding) -> Context:
    """Fit what was found into what this model and machine read in time."""
    language = detect_language(ask.question)
    wanted = tuple(query_terms(found.searched, language))
    parts = best_first(near.parts(found.passages, found.vector, frozenset(wanted)), WORDS_READ)
    if model is None:
        passages = _shown(found.passages, parts)
        packed = Packed(len(passages), "", found.searched)
    else:
        # As whoever answers counts: an assistant's model has a tokenizer of its own.
        count = partial(client.count, model=model.name)
        tokens = passage_tokens(model, _told(count, model, ask))
        passages, texts = _read(count, ask, found, parts, tokens)
        packed = pack(
            texts,
            [label_of(passage) for passage in passages],
            ask.question,
            tokens=tokens,
            count=count,
            history=ask.history[-2:] if found.searched != ask.question else (),
            instructions=ask.assistant.instructions if ask.assistant else "",
        )
    kept = passages[: packed.kept]
    given = {passage.chunk for passage in kept}
    others = tuple(passage for passage in found.passages if passage.chunk not in given)
    quoted = tuple(_quotes(kept, found, parts))
    return Context(tuple(kept), packed, language, wanted, quoted, others)


def _read(
    count: Count, ask: Ask, found: Finding, parts: Sequence[Part], tokens: int
) -> tuple[list[Passage], list[str]]:
    """The passages that the model is given, and what it is given of each."""
    passages = found.passages
    if ample(tokens, [passage.text for passage in passages]):
        passages = joined(ask.user, passages)
        return passages, [passage.text for passage in passages]
    labels = [label_of(passage) for passage in passages]
    said = [passages[part.passage].text[part.start : part.end] for part in parts]
    sizes = count([*said, *(line(1, label, "") for label in labels)]) if passages else []
    chosen = read(parts, sizes[: len(parts)], sizes[len(parts) :], tokens)
    numbers = list(dict.fromkeys(part.passage for part in chosen))
    return [passages[number] for number in numbers], [
        text_of(passages[number].text, [part for part in chosen if part.passage == number])
        for number in numbers
    ]


def _shown(passages: Sequence[Passage], parts: Sequence[Part]) -> list[Passage]:
    """Where no model reads: the first ones, and those that are quoted."""
    first = list(passages[:EXTRACTIVE_PASSAGES])
    quoted = {passages[part.passage].chunk for part in _quoted(passages, parts)}
    return first + [each for each in passages[EXTRACTIVE_PASSAGES:] if each.chunk in quoted]


def _quoted(passages: Sequence[Passage], parts: Sequence[Part]) -> list[Part]:
    """What stands for an answer: of the first passages alone, since others are seldom right."""
    wanted = frozenset(term for part in parts for term in part.held)
    return quotes(
        [passage.text for passage in passages],
        [part for part in parts if part.passage < QUOTED_PASSAGES],
        lambda number, start, end: near.held(
            passages[number].text[start:end], passages[number].language, wanted
        ),
    )


def _quotes(kept: Sequence[Passage], found: Finding, parts: Sequence[Part]) -> Iterator[Quoted]:
    """As numbers of the passages that were kept, in their order."""
    numbers = {passage.chunk: n for n, passage in enumerate(kept, 1)}
    of = [numbers.get(passage.chunk, 0) for passage in found.passages]
    quoted = _quoted(found.passages, [part for part in parts if of[part.passage]])
    yield from sorted(
        (Quoted(of[part.passage], part.start, part.end) for part in quoted),
        key=lambda quote: (quote.n, quote.start),
    )


def passage_tokens(model: ModelInfo, instructions: int = 0) -> int:
    """The budget of passages: the setting, else what the measured speed of this machine allows.

    `instructions`: tokens of an assistant's, which take their room from it.
    """
    return settings.PASSAGE_TOKENS or budget(
        model.speed,
        settings.FIRST_TOKEN_SECONDS,
        model.context,
        settings.MAX_ANSWER_TOKENS,
        instructions,
    )


def _told(count: Count, model: ModelInfo, ask: Ask) -> int:
    """Tokens of what an assistant says. Raises ModelsUnavailable where no passage fits beside them."""
    if not ask.assistant or not ask.assistant.instructions:
        return 0
    [tokens] = count([ask.assistant.instructions])
    if not fits(model.context, settings.MAX_ANSWER_TOKENS, tokens):
        # For a larger model it was short enough.
        code = "instructions-too-long"
        raise ModelsUnavailable(code, detail_of(code), permanent=True)
    return tokens


def label_of(passage: Passage) -> str:
    """What a model reads before a passage: its document and headings."""
    name = passage.title or passage.document_name
    heading = passage.heading
    label = heading if heading.startswith(name) else " › ".join(filter(None, [name, heading]))
    return f"{_age(passage)}: {label}" if passage.age else label


def _age(passage: Passage) -> str:
    """Of two versions that are both read: which is which, so that the newer one is preferred."""
    return f"{passage.age}, {passage.dated}" if passage.dated else passage.age
