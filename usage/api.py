"""The API of what answers took and cost."""

from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from ninja import Router

from accounts.auth import requires
from accounts.http import SignedInRequest
from audit.problems import Problem
from usage.exports import as_json, row_json
from usage.forms import month_of
from usage.own import own
from usage.report import report
from usage.schemas import OwnUsageOut, UsageOut

router = Router(tags=["Usage"])


@router.get("/usage", auth=requires("admin"), response=UsageOut, operation_id="usage")
def read_usage(request: SignedInRequest, since: str = "", until: str = "") -> dict[str, Any]:
    """Tokens, seconds, energy and money of some months (`2026-03`); without: this one and twelve before."""
    return as_json(report(_month(since), _month(until)))


@router.get(
    "/me/usage", auth=requires("ask", "read"), response=OwnUsageOut, operation_id="own_usage"
)
def read_own_usage(request: SignedInRequest) -> dict[str, Any]:
    """What your own answers took, by month, the newest first."""
    months = [row_json(row) for row in own(request.user)]
    return {"currency": settings.CURRENCY, "months": months}


def _month(text: str) -> date | None:
    """Raises Problem `bad-month`."""
    found = month_of(text)
    if text and found is None:
        raise Problem(422, "bad-month", _("Write months as 2026-03."))
    return found
