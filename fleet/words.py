"""How models, their states and what was done with them are called on the pages."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from fleet.models import Deed
from fleet.reasons import sentence

PER_GIGABYTE = 1_000_000_000
#: As inference/deskjobs.py has it.
STOPPABLE = (Deed.Kind.TRY, Deed.Kind.MEASURE)


@dataclass(frozen=True, slots=True)
class Badge:
    """`tone`: a class of .badge."""

    words: str
    tone: str


def state(row: dict[str, Any]) -> Badge:
    """Where a model stands."""
    return {
        "active": Badge(_("Active"), "good"),
        "loaded": Badge(_("Loaded"), "accent"),
        "here": Badge(_("Here"), ""),
        "unread": Badge(_("Here, not verified"), ""),
        "missing": Badge(_("Not here"), ""),
        "changed": Badge(_("Changed"), "bad"),
    }[row["state"]]


def kind(name: str) -> str:
    return {
        "chat": _("Chat model"),
        "adapter": _("Adapter"),
        "embedder": _("Embedder"),
        "reranker": _("Reranker"),
    }.get(name, name)


def phase(name: str) -> str:
    """What a job is at."""
    return {
        "reading": _("Reading the file"),
        "loading": _("Loading"),
        "draining": _("Letting answers end"),
        "writing": _("Writing"),
        "measuring": _("Measuring"),
    }.get(name, _("Waiting"))


def given_up(end: str) -> str:
    """Why a try ended before the model did."""
    return {
        "late": _("It was given up after two minutes; this was written until then."),
        "stopped": _("It was stopped; this was written until then."),
    }.get(end, "")


def how(name: str) -> str:
    """How a model became active."""
    return _("rolled back") if name == "rolled-back" else _("activated")


def who(by: str, people: dict[str, str]) -> str:
    """A person by name; an account of the machine as it is called there."""
    return people.get(by, by if len(by) < 36 else _("a former user"))


def people(ids: set[str]) -> dict[str, str]:
    found = User.objects.filter(pk__in=[each for each in ids if len(each) == 36])
    return {str(user.pk): str(user) for user in found}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A model with the words for it."""
    fit = row["fit"]
    size = {key: fit[key] / PER_GIGABYTE for key in ("needed", "available")} if fit else {}
    return row | {
        "badge": state(row),
        "kind_words": kind(row["kind"]),
        "room": size,
        "askable": row["askable"] and row["chats"] and row["state"] not in ("missing", "changed"),
        "removable": row["by_hand"] and row["state"] != "active",
    }


def deed(found: Deed, job: dict[str, Any]) -> dict[str, Any]:
    """A deed with how far it is and what came of it."""
    failed = sentence(found.error_code) or str(job.get("detail") or "")
    total = int(job.get("total") or 0)
    return {
        "deed": found,
        "phase": phase(str(job.get("phase") or "")),
        "share": min(1.0, int(job.get("done") or 0) / total) if total else None,
        "failed": failed or (_("It did not work.") if found.error_code else ""),
        "result": job.get("result") or found.result,
        "given_up": given_up(str((job.get("result") or {}).get("end") or "")),
        "stoppable": found.kind in STOPPABLE and not job.get("stopped"),
    }
