"""Sentences about what can leave: the wall, its proof, what was refused, and the gates."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from audit import actions
from audit.models import Entry
from compliance.judge import PROBLEMS
from compliance.state import ATTENTION, BAD, GOOD, Sentence, Words
from wall import facts, status

#: A proof that is older does not speak for today.
FRESH = timedelta(days=2)
#: How far back browsers' reports and commands by hand are counted.
LATELY = timedelta(days=30)

#: Problems that say that less was learnt, not that something is open.
QUIET = {"silent", "nothing-tried", "unreadable"}

#: What leaves a strong wall standing and still is to be changed.
WEAKENS = {"runs-as-root", "listens-unbound", "device-refused", "files-visible"}

HOLDS: dict[str, tuple[str, Words]] = {
    "namespace": (
        GOOD,
        gettext_lazy(
            "The kernel's wall holds: Sovereign runs in a network of its own that has no way out."
        ),
    ),
    "container": (
        GOOD,
        gettext_lazy("The container's network is the wall: it has no way out."),
    ),
    "seccomp": (
        ATTENTION,
        gettext_lazy(
            "The kernel limits each process by seccomp and Landlock; the network itself has a way out."
        ),
    ),
    "guard": (
        ATTENTION,
        gettext_lazy("Only the guard inside each process holds; the kernel forbids nothing."),
    ),
}

#: What each wall does not cover, said beside it.
NOT_COVERED: dict[str, list[Words]] = {
    "namespace": [
        gettext_lazy(
            "It does not cover an administrator of this machine, the browsers that read the pages, "
            "or what people do with an answer."
        )
    ],
    "container": [
        gettext_lazy(
            "It rests on the container's network being set so. It does not cover an administrator of "
            "this machine or of the containers."
        )
    ],
    "seccomp": [
        gettext_lazy(
            "A process may still reach the ports that are listed for it, on any machine; packets "
            "without a connection (UDP) are held by the guard alone."
        )
    ],
    "guard": [
        gettext_lazy(
            "The guard sees what Python does. A library in C or another program could go past it."
        )
    ],
}


def wall() -> Sentence:
    """Which wall holds, by the launcher's word and by this process's own look at the kernel."""
    link = (f"{reverse('compliance:overview')}#how", _("How to check this yourself"))
    found = status.read(Path(settings.RUN_DIR))
    if found is None or found.wall not in HOLDS:
        text = _("No launcher says which wall holds: this process was started without one.")
        return Sentence("wall", ATTENTION, text, [_guard_words()], link, timezone.now())
    state, text = HOLDS[found.wall][0], str(HOLDS[found.wall][1])
    more: list[Words] = [_(status.WHY[code]) for code in found.why if code in status.WHY]
    interfaces = facts.interfaces()
    if found.wall in ("namespace", "container") and (lies := _contradicted(found, interfaces)):
        return Sentence("wall", BAD, lies, more, link, timezone.now())
    if state == GOOD and set(found.why) & WEAKENS:
        state = ATTENTION
    if found.wall == "namespace":
        more.insert(0, _("This process sees these network interfaces alone: lo."))
    more += NOT_COVERED[found.wall]
    return Sentence("wall", state, text, more, link, timezone.now())


def _contradicted(found: status.Status, interfaces: list[str]) -> str:
    """Why the kernel says otherwise than the launcher, or ""."""
    if facts.default_route():
        return _("The launcher says that nothing can leave, but this process sees a way out.")
    if found.wall == "namespace" and interfaces != ["lo"]:
        return _(
            "The launcher says that the kernel's wall holds, but this process sees other network "
            "interfaces: %(names)s."
        ) % {"names": ", ".join(interfaces)}
    return ""


def _guard_words() -> str:
    from wall import guard

    if guard.installed():
        return _("The guard inside this process holds.")
    return _("There is no guard inside this process either: it is run for development or tests.")


def proof() -> Sentence:
    """The last try to break out, from the record."""
    last = Entry.objects.filter(action=actions.PROOF_FINISHED).order_by("-id").first()
    link = (f"{reverse('compliance:overview')}#prove", _("What was tried"))
    if last is None:
        text = _("There is no proof yet: nobody has tried to break out of this installation.")
        return Sentence("proof", ATTENTION, text, [], link)
    figures = {key: int(last.data.get(key, 0)) for key in ("attempts", "processes", "refused")}
    problems = [code for code in last.data.get("problems", []) if code in PROBLEMS]
    more: list[Words] = [_(PROBLEMS[code]) for code in problems]
    if figures["refused"] < figures["attempts"]:
        text = _(
            "%(refused)d of %(attempts)d attempts to break out of %(processes)d processes were "
            "refused. The others were not."
        )
        return Sentence("proof", BAD, text % figures, more, link, last.at)
    text = _(
        "%(attempts)d attempts to break out were all refused; %(processes)d processes were looked at."
    )
    if not figures["attempts"]:
        text = _("The last proof found no process to try.")
    if not timezone.now() - last.at < FRESH:
        more.append(_("A proof speaks for its day. Prove now."))
    grave = BAD if set(problems) - QUIET else ATTENTION
    state = GOOD if figures["attempts"] and not more else grave if problems else ATTENTION
    return Sentence("proof", state, text % figures, more, link, last.at)


def refused() -> Sentence:
    """Connections that were refused since the last report, proofs' own attempts aside."""
    report = Entry.objects.filter(action=actions.REPORT_MADE).order_by("-id").first()
    found = Entry.objects.filter(action=actions.EGRESS_REFUSED)
    if report is not None:
        found = found.filter(id__gt=report.pk)
    tried = [data for data in found.values_list("data", flat=True) if data.get("event") != "proof"]
    count = sum(int(data.get("times", 1)) for data in tried)
    link = (f"{reverse('compliance:record')}?action={actions.EGRESS_REFUSED}", _("The entries"))
    if not count:
        text = (
            _("No connection was refused since the last report: none was tried.")
            if report
            else _("No connection was refused so far: none was tried.")
        )
        return Sentence("refused", GOOD, text, [], link, timezone.now())
    text = ngettext(
        "%(count)d connection was tried and refused since the last report.",
        "%(count)d connections were tried and refused since the last report.",
        count,
    ) % {"count": count}
    more = [_("Nothing left. The entries say which process tried, and to which address.")]
    return Sentence("refused", ATTENTION, text, more, link, found.latest("id").at)


def let_out() -> Sentence:
    """Commands that somebody ran by hand and that may reach outside, such as fetching a model."""
    since = timezone.now() - LATELY
    found = Entry.objects.filter(action=actions.EGRESS_LET_OUT, at__gte=since)
    count = sum(int(data.get("times", 1)) for data in found.values_list("data", flat=True))
    link = (f"{reverse('compliance:record')}?action={actions.EGRESS_LET_OUT}", _("The entries"))
    if not count:
        text = _("In the last 30 days no command that was run by hand was let out.")
        return Sentence("let-out", GOOD, text, [], link, timezone.now())
    text = ngettext(
        "In the last 30 days %(count)d command that was run by hand was let out, to fetch a model.",
        "In the last 30 days %(count)d commands that were run by hand were let out, to fetch models.",
        count,
    ) % {"count": count}
    return Sentence("let-out", ATTENTION, text, [], link, found.latest("id").at)


def gates() -> Sentence:
    """What may leave by which named gate, and how much did."""
    found = status.read(Path(settings.RUN_DIR))
    if found is None:
        text = _("No launcher says by which gates an outside address may be reached.")
        return Sentence("gates", ATTENTION, text, [], None, timezone.now())
    listed = found.gates
    if not listed:
        text = _("There is no gate: no outside address is listed.")
        return Sentence("gates", GOOD, text, [], None, timezone.now())
    text = ngettext(
        "%(count)d outside address may be reached, by a named gate.",
        "%(count)d outside addresses may be reached, each by a named gate.",
        len(listed),
    ) % {"count": len(listed)}
    more: list[Words] = [_gate_words(gate) for gate in listed]
    return Sentence("gates", ATTENTION, text, more, None, timezone.now())


def _gate_words(gate: status.Gate) -> str:
    counters = _counters(gate["name"])
    words = {
        "name": gate["name"],
        "host": gate["host"],
        "port": gate["port"],
        "out": filesizeformat(counters.get("bytes_out", 0)),
        "in": filesizeformat(counters.get("bytes_in", 0)),
        "connections": counters.get("connections", 0),
    }
    return (
        _(
            "%(name)s, to %(host)s port %(port)d: %(out)s out and %(in)s in, by %(connections)d "
            "connections since it was opened."
        )
        % words
    )


def _counters(name: str) -> dict[str, Any]:
    try:
        file = Path(settings.RUN_DIR) / "gates" / f"{name}.json"
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def browsers() -> Sentence:
    """What browsers reported as refused by the pages' policy."""
    since = timezone.now() - LATELY
    found = Entry.objects.filter(action=actions.BROWSER_REFUSED, at__gte=since)
    count = found.count()
    link = (f"{reverse('compliance:record')}?action={actions.BROWSER_REFUSED}", _("The entries"))
    if not count:
        text = _("In the last 30 days no browser reported anything that our pages may not do.")
        return Sentence("browsers", GOOD, text, [], link, timezone.now())
    text = ngettext(
        "In the last 30 days browsers reported %(count)d refusal by our pages' policy.",
        "In the last 30 days browsers reported %(count)d refusals by our pages' policy.",
        count,
    ) % {"count": count}
    more = [_("Extensions of a browser cause such reports, and so would a hostile document.")]
    return Sentence("browsers", ATTENTION, text, more, link, found.latest("id").at)
