"""What a person should know of a document that was read all the same, in the language of the interface.

The readers are pure and give a code with figures (parsers/base.Notice), which is what the row keeps.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.parsers.base import Notice


def stored(notices: tuple[Notice, ...]) -> list[dict[str, Any]]:
    """As Document.warnings keeps them."""
    return [asdict(notice) for notice in notices]


def sentence(warning: Mapping[str, Any]) -> str:
    """One sentence for a stored notice; "" for a code that is not known here."""
    notice = Notice(
        str(warning.get("code", "")),
        int(warning.get("count", 0)),
        int(warning.get("total", 0)),
        str(warning.get("names", "")),
    )
    make = _SENTENCES.get(notice.code)
    return make(notice) if make else ""


def shown(warnings: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Code and sentence of each, for pages and the API."""
    return [{"code": str(each["code"]), "detail": sentence(each)} for each in warnings]


def _figures(notice: Notice) -> dict[str, Any]:
    return {"count": notice.count, "total": notice.total, "names": notice.names}


_SENTENCES: dict[str, Callable[[Notice], str]] = {
    "pages-without-text": lambda n: (
        ngettext(
            "%(count)d of %(total)d pages holds no text (%(names)s).",
            "%(count)d of %(total)d pages hold no text (%(names)s).",
            n.count,
        )
        % _figures(n)
    ),
    "pages-recognised": lambda n: (
        ngettext(
            "The text of %(count)d of %(total)d pages was recognised from its picture (%(names)s).",
            "The text of %(count)d of %(total)d pages was recognised from their pictures (%(names)s).",
            n.count,
        )
        % _figures(n)
    ),
    "recognised-poorly": lambda n: (
        _(
            "The recognised text is uncertain on %(count)d of %(total)d pages (%(names)s): check the words."
        )
        % _figures(n)
    ),
    "pdf-without-layout": lambda n: _("The PDF is damaged; its text was read without its layout."),
    "markdown-as-text": lambda n: _(
        "The Markdown is nested too deeply to be read as such; it was read as plain text."
    ),
    "parts-not-read": lambda n: (
        ngettext(
            "%(count)d of %(total)d files inside was not read (%(names)s).",
            "%(count)d of %(total)d files inside were not read (%(names)s).",
            n.count,
        )
        % _figures(n)
    ),
    "parts-known": lambda n: (
        ngettext(
            "%(count)d of %(total)d files inside was in the collection before and stays there (%(names)s).",
            "%(count)d of %(total)d files inside were in the collection before and stay there (%(names)s).",
            n.count,
        )
        % _figures(n)
    ),
    "sheet-cut": lambda n: (
        (
            _("The file has more cells than are read; %(names)s ends after row %(count)d.")
            if n.names
            else _("The file has more cells than are read; it ends after row %(count)d.")
        )
        % _figures(n)
    ),
    "hidden-slides": lambda n: (
        ngettext(
            "%(count)d of %(total)d slides is hidden in the presentation (%(names)s); it was read, too.",
            "%(count)d of %(total)d slides are hidden in the presentation (%(names)s); they were read, too.",
            n.count,
        )
        % _figures(n)
    ),
    "sheets-hidden": lambda n: (
        ngettext(
            "%(count)d of %(total)d sheets is hidden and was not read (%(names)s).",
            "%(count)d of %(total)d sheets are hidden and were not read (%(names)s).",
            n.count,
        )
        % _figures(n)
    ),
    "rows-hidden": lambda n: (
        ngettext(
            "%(count)d hidden row or column was not read.",
            "%(count)d hidden rows and columns were not read.",
            n.count,
        )
        % _figures(n)
    ),
    "formulas-without-values": lambda n: (
        ngettext(
            "%(count)d formula has no result in the file: save it in Excel or LibreOffice, then "
            "upload it again.",
            "%(count)d formulas have no result in the file: save it in Excel or LibreOffice, then "
            "upload it again.",
            n.count,
        )
        % _figures(n)
    ),
}
