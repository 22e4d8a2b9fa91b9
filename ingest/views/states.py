"""What a document's state is called, how it looks, and what a person should know of it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.estimate import Wait
from ingest.models import Document
from ingest.parsers.registry import FOLDERS
from ingest.places import place
from ingest.reasons import may_help_again

_Status, _Stage = Document.Status, Document.Stage
MINUTE, HOUR = 60, 3_600


@dataclass(frozen=True, slots=True)
class State:
    """`look`: the class of its badge. `notes` follow in small print, `reason` in red. `share`: 0 to 1,
    None where it cannot be counted or nothing is under way."""

    name: str
    look: str = ""
    notes: tuple[str, ...] = ()
    reason: str = ""
    share: float | None = None


def state_of(document: Document, wait: Wait | None = None) -> State:
    """The state in words. `wait`: its place in the queue, where it has one (ingest/estimate.py)."""
    if document.status == _Status.READY:
        return State(_("Ready"), "good")
    if document.status == _Status.FAILED:
        return _failed(document)
    notes = [*_time(wait), *_found(document), *_tried(document)]
    if document.status == _Status.PROCESSING:
        share = document.progress if document.total else None
        return State(_stage(document), "accent", tuple(notes), share=share)
    return State(_waiting(document), "", tuple(notes))


def about(seconds: float) -> str:
    """A time that is guessed, not measured: rounded up, in words."""
    if seconds < MINUTE:
        return _("less than a minute")
    if seconds < HOUR:
        minutes = -(-int(seconds) // MINUTE)
        return ngettext("about %(n)d minute", "about %(n)d minutes", minutes) % {"n": minutes}
    hours = -(-int(seconds) // HOUR)
    return ngettext("about %(n)d hour", "about %(n)d hours", hours) % {"n": hours}


def _failed(document: Document) -> State:
    if document.error_code == "cancelled":
        return State(_("Stopped"), "warn", (document.reason,))
    helps = may_help_again(document.error_code)
    again = _("Trying again may help.") if helps else _("Trying the same file again will not help.")
    return State(_("Failed"), "bad", (again,), reason=document.reason)


def _found(document: Document) -> list[str]:
    if not document.visible:
        return []
    return [_("Found by its words so far.")]


def _tried(document: Document) -> list[str]:
    lost = document.reading.get("lost", 0)
    if not lost:
        return []
    said = ngettext(
        "A worker was lost over it; it is tried again.",
        "%(n)d workers were lost over it; it is tried again.",
        lost,
    )
    return [said % {"n": lost}]


def _time(wait: Wait | None) -> list[str]:
    """Its place in the queue, where it waits in one, and how long it still takes."""
    if wait is None:
        return []
    time = "" if wait.seconds is None else about(wait.seconds)
    if wait.position and time:
        return [_("Position %(n)d, done in %(time)s.") % {"n": wait.position, "time": time}]
    if wait.position:
        return [_("Position %(n)d.") % {"n": wait.position}]
    return [_("Done in %(time)s.") % {"time": time}] if time else []


def _waiting(document: Document) -> str:
    if document.stage == _Stage.OCR:
        return _("Waiting for text recognition")
    if document.stage == _Stage.EMBED:
        return _("Waiting to be understood")
    return _("Waiting")


def _stage(document: Document) -> str:
    """What is being done, with the page, passage or file that it is at."""
    named = document.get_stage_display() or document.get_status_display()
    if not document.total:
        return named
    at = place(Document(media_type=document.media_type), document.done)
    values = {"stage": named, "place": at, "n": document.done, "total": document.total}
    if document.stage in (_Stage.PARSE, _Stage.OCR) and document.media_type not in FOLDERS:
        return _("%(stage)s, %(place)s of %(total)d") % values
    if document.stage in (_Stage.EMBED, _Stage.WORDS):
        return _("%(stage)s, %(n)d of %(total)d passages") % values
    return _("%(stage)s, %(n)d of %(total)d") % values
