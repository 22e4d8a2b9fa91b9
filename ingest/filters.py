"""What of the readable documents a search looks at: some of them by name, by kind, language or day.

A filter only ever takes away. It is turned into the ids of documents that the person may read
before an index is asked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, get_args
from uuid import UUID

from django.db.models import Q
from django.http import Http404

from accounts.models import User
from inference.language import LANGUAGES
from ingest.access import documents_for, searchable
from ingest.parsers import registry as formats

Kind = Literal["pdf", "word", "sheet", "slides", "web", "mail", "text", "picture"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Kind -> the media types that a person calls so. Archives hold no words of their own.
MEDIA_TYPES: Mapping[Kind, frozenset[str]] = {
    "pdf": frozenset({formats.PDF}),
    "word": frozenset({formats.DOCX, formats.DOC, formats.ODT, formats.RTF}),
    "sheet": frozenset({formats.XLSX, formats.XLS, formats.ODS, formats.CSV}),
    "slides": frozenset({formats.PPTX, formats.PPT, formats.ODP}),
    "web": frozenset({formats.HTML, formats.EPUB}),
    "mail": frozenset({formats.EML, formats.MSG}),
    "text": frozenset({formats.TEXT, formats.MARKDOWN}),
    "picture": frozenset({formats.PNG, formats.JPEG, formats.TIFF}),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person narrows a search to; an empty part narrows nothing, and all empty is falsy.

    `kinds`: of KINDS. `languages`: ISO 639-1 codes of documents. `since` and `until` are days,
    both included, compared with Document.dated.
    """

    documents: frozenset[UUID] = field(default_factory=frozenset)
    kinds: frozenset[str] = field(default_factory=frozenset)
    languages: frozenset[str] = field(default_factory=frozenset)
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return bool(self.documents or self.kinds or self.languages or self.since or self.until)

    def stored(self) -> dict[str, str | list[str]]:
        """For a row that keeps them, as `of` reads them again."""
        parts: dict[str, str | list[str]] = {
            "documents": sorted(str(pk) for pk in self.documents),
            "kinds": sorted(self.kinds),
            "languages": sorted(self.languages),
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
        }
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Filters":
        """What `stored` gave, of a row of ours."""
        days = {
            name: date.fromisoformat(stored[name]) for name in ("since", "until") if name in stored
        }
        return cls(
            documents=frozenset(UUID(pk) for pk in stored.get("documents", ())),
            kinds=frozenset(stored.get("kinds", ())),
            languages=frozenset(stored.get("languages", ())),
            **days,
        )

    def recorded(self) -> dict[str, str | list[str]]:
        """For the audit entry: ids, codes and days, nothing that anybody wrote."""
        parts: dict[str, str | list[str]] = {
            "filter_documents": sorted(str(pk) for pk in self.documents),
            "filter_kinds": sorted(self.kinds & set(KINDS)),
            "filter_languages": sorted(self.languages & set(LANGUAGES)),
            "filter_since": self.since.isoformat() if self.since else "",
            "filter_until": self.until.isoformat() if self.until else "",
        }
        return {name: part for name, part in parts.items() if part}


EVERYTHING = Filters()


def matching(
    user: User, filters: Filters, collections: Iterable[UUID] | None
) -> frozenset[UUID] | None:
    """The ids of documents of the collections (None: all) that `user` may read and that match.

    None where nothing is filtered. An id that `user` may not read matches nothing.
    """
    if not filters:
        return None
    found = documents_for(user).filter(searchable(), _wanted(filters))
    if collections is not None:
        found = found.filter(collection__in=list(collections))
    return frozenset(found.order_by().values_list("pk", flat=True))


def check_documents(user: User, documents: Iterable[UUID]) -> None:
    """Raises Http404 for the id of a document that `user` may not read."""
    wanted = set(documents)
    if wanted and documents_for(user).filter(pk__in=wanted).count() < len(wanted):
        raise Http404


def still_open(user: User, filters: Filters) -> Filters:
    """Those filters without the documents that `user` can read no longer.

    A document that nobody can choose again would keep a question narrowed to nothing for good.
    """
    if not filters.documents:
        return filters
    found = documents_for(user).filter(pk__in=filters.documents).values_list("pk", flat=True)
    return replace(filters, documents=frozenset(found))


def kind_of(media_type: str) -> str:
    """The kind that a media type belongs to, "" for none."""
    return next((kind for kind, types in MEDIA_TYPES.items() if media_type in types), "")


def offered(user: User, collections: Iterable[UUID] | None = None) -> tuple[list[Kind], list[str]]:
    """The kinds and languages that there are among what `user` may find: what can be chosen."""
    found = documents_for(user).filter(searchable()).order_by()
    if collections is not None:
        found = found.filter(collection__in=list(collections))
    pairs = set(found.values_list("media_type", "language").distinct())
    there = {kind_of(media_type) for media_type, _ in pairs}
    return [kind for kind in KINDS if kind in there], sorted({code for _, code in pairs if code})


def _wanted(filters: Filters) -> Q:
    wanted = Q()
    if filters.documents:
        wanted &= Q(pk__in=filters.documents)
    if filters.kinds:
        types = [MEDIA_TYPES[kind] for kind in KINDS if kind in filters.kinds]
        wanted &= Q(media_type__in=frozenset().union(*types))
    if filters.languages:
        wanted &= Q(language__in=filters.languages)
    return wanted & _days(filters.since, filters.until)


def _days(since: date | None, until: date | None) -> Q:
    """Documents of before this was kept count as of the day on which they came."""
    wanted = Q()
    if since:
        wanted &= Q(dated__gte=since) | Q(dated=None, created_at__date__gte=since)
    if until:
        wanted &= Q(dated__lte=until) | Q(dated=None, created_at__date__lte=until)
    return wanted
