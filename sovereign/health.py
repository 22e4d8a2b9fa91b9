"""/livez and /readyz: for supervisors and load balancers. Strangers learn one word."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from accounts.models import User
from sovereign import parts


@login_not_required
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """200 while this process serves. It asks nothing else, so that a slow part never kills it."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every needed part answers, else 503. Signed-in administrators see the parts."""
    found = parts.all_parts()
    ready = all(part.ok for part in found if part.needed)
    content: dict[str, object] = {"status": "ok" if ready else "unavailable"}
    # Asked only when the database is known to answer: the session lies in it.
    if found[0].ok and _is_administrator(request):
        content["parts"] = [part.as_dict() for part in found]
    return JsonResponse(content, status=200 if ready else 503)


def _is_administrator(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_admin
