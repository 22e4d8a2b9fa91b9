"""Two passages: how their documents are related, and whether both may speak of one case. Pure."""

from dataclasses import dataclass

from chat.conflicts_lines import Line, checkable, telling
from chat.cues import is_document_noun
from chat.facts import Fact, holding
from chat.versions import Edition, shared, versions
from ingest.terms import terms


@dataclass(frozen=True, slots=True)
class Bounds:
    """How like two statements must be, and how many words they must share."""

    likeness: float
    words: int


VERSIONS, STRANGERS, SAME = Bounds(0.6, 2), Bounds(0.75, 3), Bounds(0.9, 4)
#: Headings of what says again what another section says: the sections of one document are cases else.
_SUMMARIES = frozenset(
    term
    for language, words in {
        "en": "summary overview introduction faq glance highlights",
        "de": "Zusammenfassung Überblick Einleitung Kurzfassung",
        "fr": "résumé aperçu introduction",
        "es": "resumen introducción",
    }.items()
    for word in words.split()
    for term in terms(word, language)
)
_YEARS = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A passage that may agree or disagree."""

    text: str
    edition: Edition
    heading: str = ""
    language: str = ""

    @property
    def context(self) -> str:
        return f"{self.edition.title}\n{self.edition.name}\n{self.heading}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two passages and how they are related. `asked`: words of question and answer."""

    one: Spoken
    other: Spoken
    asked: frozenset[str]
    related: Bounds

    @property
    def are_versions(self) -> bool:
        return self.related == VERSIONS

    def words(self, line: Line, beside: Line) -> frozenset[str]:
        """What a line is about; between versions a name may be what differs from another line."""
        return line.words - (line.names - beside.words) if self.are_versions else line.words


def related(one: Spoken, other: Spoken) -> Bounds:
    if one.edition.document == other.edition.document:
        return SAME
    alike = shared(one.text, other.text)
    return VERSIONS if versions(one.edition, other.edition, alike) else STRANGERS


def same_case(pair: Pair, asked: str) -> bool:
    """Whether both passages may speak of one case: by headings, by titles, by years that are named."""
    one, other = pair.one, pair.other
    heads = [telling(each.heading, each.language) for each in (one, other)]
    titles = [telling(each.edition.title, each.language) for each in (one, other)]
    said = [
        heads[0] - titles[0] - telling(other.text, other.language),
        heads[1] - titles[1] - telling(one.text, one.language),
    ]
    if said[0] - heads[1] and said[1] - heads[0] and not any(map(_is_summary, heads)):
        return False
    if pair.related == SAME:
        return any(map(_is_summary, heads))
    if not pair.are_versions and _siblings(one, other):
        return False
    return not _other_year(one, other, asked)


def _is_summary(heading: frozenset[str]) -> bool:
    return not heading.isdisjoint(_SUMMARIES)


def _siblings(one: Spoken, other: Spoken) -> bool:
    """Whether two titles are of one series: each a case of its own."""
    first, second = (
        frozenset(word for word in telling(_called(each), each.language)) for each in (one, other)
    )
    common = frozenset(word for word in first & second if not is_document_noun(word))
    return bool(common) and first != second


def _called(spoken: Spoken) -> str:
    return spoken.edition.title or spoken.edition.name.rpartition(".")[0]


def _other_year(one: Spoken, other: Spoken, asked: str) -> bool:
    """Whether question or answer name a day or year that only one of both documents is about."""
    days = [fact for fact in checkable(asked, one.language) if _is_when(fact)]
    first, second = (holding(each.context, "", each.language) for each in (one, other))
    return any(first.has(day) != second.has(day) for day in days)


def _is_when(fact: Fact) -> bool:
    years = (value for value in fact.values if value in _YEARS)
    return fact.kind == "date" or (not fact.unit and any(years))
