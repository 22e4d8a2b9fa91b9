"""Sentences about what is kept here: models, originals, retention, holds, known weaknesses."""

from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance import retention as keeping
from compliance.advisories import Exemption, load
from compliance.state import ATTENTION, BAD, GOOD, Sentence, Words
from inference.errors import ModelError
from inference.model import Model
from inference.registry import Registry
from ingest import holds as legal
from ingest import keys
from ingest.models import Document

ADVISORIES = Path(settings.BASE_DIR) / "requirements" / "advisories.toml"
#: How long before its end a decision asks to be made anew.
SOON = timedelta(days=30)
#: Letters of a hash that are shown; the report has all.
SHORT = 12


def models() -> Sentence:
    """Each model that is here: where from, under which licence, by which hash."""
    registry = Registry(Path(settings.MODELS_DIR))
    try:
        here = registry.here()
    except ModelError as error:
        return Sentence("models", BAD, str(error), [], None, timezone.now())
    if settings.ENGINE in ("auto", "openai") and settings.OPENAI_URLS:
        return _elsewhere(registry, here)
    if not here:
        text = _("There is no model on this machine: answers are quotes.")
        return Sentence("models", GOOD, text, [], None, timezone.now())
    text = ngettext(
        "%(count)d model is on this machine, known by its hash; unknown files are not loaded.",
        "%(count)d models are on this machine, known by their hashes; unknown files are not loaded.",
        len(here),
    ) % {"count": len(here)}
    more: list[Words] = [_model_words(registry, model) for model in here]
    return Sentence("models", GOOD, text, more, None, timezone.now())


def _elsewhere(registry: Registry, here: list[Model]) -> Sentence:
    """Answers are written on another machine: what is asked and what is found goes there."""
    text = _("Questions and the passages for their answers go to a model server at %(host)s.") % {
        "host": ", ".join(urlsplit(url).hostname or "?" for url in settings.OPENAI_URLS)
    }
    more: list[Words] = [
        _("Who runs that server can read them. It was set so (SOVEREIGN_OPENAI_URL).")
    ]
    more += [_model_words(registry, model) for model in here]
    return Sentence("models", ATTENTION, text, more, None, timezone.now())


def _model_words(registry: Registry, model: Model) -> str:
    origin = registry.origin(model.name)
    words = {
        "name": model.name,
        "source": model.source,
        "licence": model.licence,
        "hash": model.sha256[:SHORT],
        "by": origin.by,
        "at": origin.at[:10],
    }
    if not origin.by:
        return (
            _(
                "%(name)s, from %(source)s, licence %(licence)s, SHA-256 %(hash)s…; "
                "it is not known who brought it."
            )
            % words
        )
    if model.by_hand:
        return (
            _("%(name)s, added by hand by %(by)s on %(at)s, licence %(licence)s, SHA-256 %(hash)s…")
            % words
        )
    return (
        _(
            "%(name)s, from %(source)s, brought by %(by)s on %(at)s, licence %(licence)s, SHA-256 %(hash)s…"
        )
        % words
    )


def advisories() -> Sentence:
    """Known weaknesses of packages that are lived with, and when each decision ends."""
    known = [each for each in load(ADVISORIES) if each.applies_to(_installed(each.package))]
    today = timezone.localdate()
    if not known:
        text = _("No published weakness of an installed package is lived with.")
        return Sentence("advisories", GOOD, text, [], None, timezone.now())
    text = ngettext(
        "%(count)d published weakness of an installed package is lived with, for a stated reason.",
        "%(count)d published weaknesses of installed packages are lived with, for stated reasons.",
        len(known),
    ) % {"count": len(known)}
    soonest = min(each.expires for each in known)
    state, more = GOOD, [_advisory_words(each) for each in known]
    if soonest <= today:
        state = BAD
        more.insert(0, _("A decision has expired: it must be made anew, or the package replaced."))
    elif soonest - today < SOON:
        state = ATTENTION
        more.insert(0, _("A decision ends soon and must be made anew."))
    return Sentence("advisories", state, text, more, None, timezone.now())


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _advisory_words(each: Exemption) -> str:
    return _("%(id)s in %(package)s: decided by %(owner)s, ends on %(day)s.") % {
        "id": each.id,
        "package": each.package,
        "owner": each.owner,
        "day": date_format(each.expires, "j M Y"),
    }


def encryption() -> Sentence:
    """Whether originals on the disk can be read without their keys."""
    if trouble := keys.trouble():
        text = _("The master key of the originals is not usable.")
        return Sentence("encryption", BAD, text, [trouble], None, timezone.now())
    kept = Document.objects.exclude(Q(status=Document.Status.ERASING) | Q(file=""))
    originals = {pk.hex for pk in kept.order_by().values_list("id", flat=True).iterator()}
    # By name: a key that an erased document left must not stand in for a missing one.
    found = {file.name for file in keys.keys_dir().glob("??/" + "?" * 32)}
    documents, locked = len(originals), len(originals & found)
    more: list[Words] = [
        _("The database and the search index hold their text: they need an encrypted disk.")
    ]
    figures = {"locked": locked, "documents": documents}
    text = _("%(locked)d of %(documents)d originals are encrypted, each with a key of its own.")
    if not settings.ENCRYPT_ORIGINALS:
        more.insert(0, _("New ones are not: SOVEREIGN_ENCRYPT_ORIGINALS is off."))
    elif locked < documents:
        more.insert(0, _("The others are older: `manage.py encrypt_originals` takes them too."))
    state = GOOD if settings.ENCRYPT_ORIGINALS and locked >= documents else ATTENTION
    return Sentence("encryption", state, text % figures, more, None, timezone.now())


def retention() -> Sentence:
    """How long each kind is kept, and whether anything is past its time."""
    found = keeping.standing()
    more: list[Words] = [_kept(standing) for standing in found]
    overdue = sum(max(0, standing.older - standing.held) for standing in found)
    link = _keeping("compliance:retention", _("Retention"))
    if overdue:
        text = ngettext(
            "%(count)d thing is past its time and waits for the next purge.",
            "%(count)d things are past their time and wait for the next purge.",
            overdue,
        ) % {"count": overdue}
        return Sentence("retention", ATTENTION, text, more, link, timezone.now())
    text = _("Nothing is kept longer than its time, except what a hold keeps.")
    return Sentence("retention", GOOD, text, more, link, timezone.now())


def _kept(standing: keeping.Standing) -> str:
    words = {"kind": standing.kind.label, "days": standing.kind.days}
    if not standing.kind.days:
        return _("%(kind)s: kept until somebody deletes them.") % words
    return _("%(kind)s: kept for %(days)d days.") % words


def holds() -> Sentence:
    """Active legal holds."""
    count = legal.active().count()
    link = _keeping("compliance:holds", _("Holds"))
    text = (
        ngettext("%(count)d legal hold is active.", "%(count)d legal holds are active.", count)
        % {"count": count}
        if count
        else _("No legal hold is active.")
    )
    return Sentence("holds", GOOD, text, [], link, timezone.now())


def _keeping(name: str, words: str) -> tuple[str, Words] | None:
    try:
        return reverse(name), words
    except NoReverseMatch:
        return None
