"""Model servers elsewhere, in words: whether each is asked, how full it is, how soon it answers."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.words import Badge

#: Of a minute: before that seconds are told.
_MINUTE, _HOUR = 60, 3_600


@dataclass(frozen=True, slots=True)
class Server:
    """A row of the page. `why`: what keeps it from being asked. `failed`: what went wrong last."""

    name: str
    badge: Badge
    why: str
    models: tuple[str, ...]
    version: str
    running: int
    others: int
    seats: int
    first_seconds: float
    failed: str
    ago: str


def shown(about: dict[str, Any]) -> Server:
    """One of them as `/health` of the models process tells it (inference/replica.py)."""
    return Server(
        name=about["name"],
        badge=_badge(about["state"]),
        why=_fault(about["code"]),
        models=tuple(about["models"]),
        version=about["version"],
        running=about["running"],
        others=about["others"],
        seats=about["seats"],
        first_seconds=about["first_seconds"],
        failed=_fault(about["error"]),
        ago="" if about["error_ago"] is None else _ago(about["error_ago"]),
    )


def _badge(state: str) -> Badge:
    return {
        "ready": Badge(_("Ready"), "good"),
        "busy": Badge(_("Full"), "warn"),
    }.get(state, Badge(_("Away"), "bad"))


def _fault(code: str) -> str:
    """In words; the code itself where there are none."""
    return {
        "models-down": _("It cannot be reached."),
        "models-silent": _("It did not answer in time."),
        "models-lost": _("It ended in the middle of an answer."),
        "models-odd": _("It gave an answer of a wrong form."),
        "models-failed": _("It failed."),
        "models-refused": _("It refused the call."),
        "replica-unasked": _("It was not looked at yet."),
        "replica-key": _("It does not take our key."),
        "replica-redirects": _("It sends us elsewhere, which is not followed."),
        "replica-busy": _("It takes no more questions now."),
        "replica-not-ready": _("Its model is still being loaded."),
        "replica-empty": _("It serves no model."),
    }.get(code, code)


def _ago(seconds: int) -> str:
    if seconds < _MINUTE:
        return _("just now")
    if seconds < _HOUR:
        minutes = seconds // _MINUTE
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}
    hours = seconds // _HOUR
    return ngettext("%(n)d hour ago", "%(n)d hours ago", hours) % {"n": hours}
