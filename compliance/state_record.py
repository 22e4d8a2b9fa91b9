"""Sentences about the record itself: whether it is intact, whose key signs, who may look."""

from datetime import timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit import actions, keys
from audit.models import Entry, Seal
from audit.verify import tail
from compliance import officers as appointed
from compliance.state import ATTENTION, BAD, GOOD, Sentence, Words

#: Seconds. The sealer comes every few: who waits longer waits for a sealer that does not run.
LATE = 120
#: A check that is older is worth doing anew.
CHECKED = timedelta(days=2)


def intact() -> Sentence:
    """Whether the last check found the chain whole, and what has been added since."""
    last = Entry.objects.filter(action=actions.RECORD_VERIFIED).order_by("-id").first()
    waiting, seconds = tail()
    more: list[Words] = [_tail(waiting)]
    late = seconds > LATE
    if late:
        more.append(_("The oldest has waited for minutes: the sealer does not run."))
    if last is None:
        link = (reverse("compliance:record"), _("Check it now"))
        text = _("The record has not been checked yet.")
        return Sentence("record", ATTENTION, text, more, link)
    link = (reverse("compliance:entry", args=[last.uuid]), _("The entry"))
    if not last.data.get("ok"):
        text = _("The last check of the record found faults: something was changed or removed.")
        return Sentence("record", BAD, text, more, link, last.at)
    text = _("The record was found intact up to entry %(n)s.") % {
        "n": intcomma(last.data.get("position", 0))
    }
    old = timezone.now() - last.at > CHECKED
    if old:
        more.append(_("That check is days old. Check it now."))
    return Sentence("record", ATTENTION if late or old else GOOD, text, more, link, last.at)


def _tail(count: int) -> str:
    sealed = Seal.objects.aggregate(last=Max("position"))["last"] or 0
    return ngettext(
        "%(sealed)s entries are sealed in the chain now; %(count)d newer one waits for its seal.",
        "%(sealed)s entries are sealed in the chain now; %(count)d newer ones wait for their seal.",
        count,
    ) % {"sealed": intcomma(sealed), "count": count}


def key() -> Sentence:
    """The installation's fingerprint: what an officer compares with the one on paper."""
    link = (reverse("compliance:fingerprint"), _("Print it"))
    try:
        mark = keys.fingerprint()
    except (keys.KeyUnusable, OSError):
        text = _("The installation's signing key cannot be read: nothing can be signed.")
        return Sentence("key", BAD, text, [], None, timezone.now())
    text = _("Reports and checkpoints are signed by this installation's own key.")
    return Sentence("key", GOOD, text, [grouped(mark)], link, timezone.now())


def grouped(mark: str) -> str:
    """A fingerprint in groups of four, which two people can read to each other."""
    return " ".join(mark[place : place + 4] for place in range(0, len(mark), 4))


def officers() -> Sentence:
    """Who sees this page, and whether somebody gave themselves the role."""
    found = appointed.officers()
    link = (f"{reverse('compliance:overview')}#officers-title", _("Who they are"))
    own = [officer.user.email for officer in found if officer.by_themselves]
    text = ngettext(
        "%(count)d person is compliance officer.",
        "%(count)d people are compliance officers.",
        len(found),
    ) % {"count": len(found)}
    if own:
        more = [_("Appointed themselves: %(who)s.") % {"who": ", ".join(own)}]
        return Sentence("officers", ATTENTION, text, [*more], link, timezone.now())
    return Sentence("officers", GOOD, text, [], link, timezone.now())
