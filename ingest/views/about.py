"""What is known about a document, as rows of words: what it says of itself, how it was read."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_info, pgettext
from django.utils.translation import gettext as _

from ingest.models import Document
from ingest.parsers.registry import SUPPORTED
from ingest.places import label

Rows = list[tuple[str, str]]
#: Of a list of pages so many are named.
MOST_NAMED = 40


def said_of_itself(document: Document) -> Rows:
    """Title, author, dates: what the file says. Nothing of it is checked."""
    names = {
        "author": _("Author"),
        "subject": pgettext("of a mail or a document", "Subject"),
        "keywords": _("Keywords"),
        "created": _("Created"),
        "modified": _("Changed"),
        "sent": _("Sent"),
        "sender": pgettext("of a mail", "From"),
        "recipients": pgettext("of a mail", "To"),
    }
    rows = [(_("Title"), document.title)] if document.title else []
    for key, name in names.items():
        if value := str(document.metadata.get(key, "")).strip():
            rows.append((name, _time(value) if key in ("created", "modified", "sent") else value))
    return rows


def facts(document: Document) -> Rows:
    """The file: kind, size, pages, when and by whom it was added."""
    rows = [
        (_("File name"), document.name),
        (_("Folder"), document.path),
        (_("Kind"), SUPPORTED.get(document.media_type, document.media_type)),
        (_("Media type"), document.media_type),
        (_("Size"), filesizeformat(document.bytes)),
        (_("Language"), language(document.language)),
        (_("Pages"), str(document.pages or "")),
        (_("Passages"), str(document.chunk_count or "")),
        (_("Version"), str(document.version)),
        (_("Added"), _local(document.created_at)),
        (_("Added by"), str(document.uploaded_by or "")),
        (_("Found by its words since"), _local(document.words_at)),
        (_("Ready since"), _local(document.ready_at)),
        ("SHA-256", document.sha256),
    ]
    return [(name, value) for name, value in rows if value]


def language(code: str) -> str:
    """The name of a language in the language of the interface; its code where none is known."""
    try:
        return str(get_language_info(code)["name_translated"]) if code else ""
    except KeyError:
        return code


def _time(value: str) -> str:
    """A time as people write it; what is no time stays as the file says it."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    if len(value) <= len("2026-01-31"):
        return date_format(moment, "j M Y")
    return _local(moment) if timezone.is_aware(moment) else date_format(moment, "j M Y, H:i")


def _local(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "j M Y, H:i") if moment else ""


def course(document: Document) -> Rows:
    """How it was read: seconds by stage, pages without text, pages whose text was recognised."""
    return list(_course(document))


def advice(document: Document) -> list[dict[str, str]]:
    """Each warning with what can be done about it."""
    todo = {
        "pages-without-text": _("Look at these pages in the original. A better scan may help."),
        "recognised-poorly": _("Scan them anew at 300 dpi, straight and in one language."),
        "pdf-without-layout": _("Open it in the program that made it and save it anew."),
        "parts-not-read": _("Upload these files on their own."),
        "sheet-cut": _("Split the workbook."),
    }  # fmt: skip
    return [notice | {"todo": todo.get(notice["code"], "")} for notice in document.notices]


def _course(document: Document) -> Iterator[tuple[str, str]]:
    seen = document.reading.get("ocr", {})
    if recognised := seen.get("pages"):
        yield _("Text recognised on"), _pages(document, recognised)
        yield _("Sure of its words"), f"{round((seen.get('confidence') or 0) * 100)} %"
    if empty := sorted({*seen.get("tried", ())} - {*(recognised or ())}):
        yield _("No text recognised on"), _pages(document, empty)
    if languages := seen.get("languages"):
        yield _("Languages of the recognition"), ", ".join(languages)
    if files := document.reading.get("files"):
        yield _("Files taken from it"), str(files.get("taken", 0))
        yield _("Files not taken from it"), str(files.get("refused", 0))
    seconds: dict[str, float] = document.reading.get("seconds", {})
    stages = dict(Document.Stage.choices)
    for stage, took in seconds.items():
        yield str(stages.get(stage, stage)), _("%(n)s seconds") % {"n": number_format(took, 1)}
    if seconds:
        whole = number_format(sum(seconds.values()), 1)
        yield _("All stages together"), _("%(n)s seconds") % {"n": whole}
    if lost := document.reading.get("lost"):
        yield _("Workers lost over it"), str(lost)


def _pages(document: Document, numbers: Sequence[int]) -> str:
    """The names of pages, not more than people read."""
    named = ", ".join(label(document, page) for page in numbers[:MOST_NAMED])
    of = {"names": named, "n": len(numbers), "total": document.pages or len(numbers)}
    more = " …" if len(numbers) > MOST_NAMED else ""
    return _("%(n)d of %(total)d: %(names)s") % of + more
