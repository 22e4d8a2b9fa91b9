"""The HTTP API: the rooms' routers under one roof, every error as problem+json."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from accounts.api import router as accounts_router
from audit.problems import Problem
from chat.api import router as chat_router
from compliance.api import router as compliance_router
from evaluation.api import router as evaluation_router
from fleet.api import router as fleet_router
from ingest.api import router as ingest_router
from ingest.moving.api import router as moving_router
from ingest.sync_api import router as sync_router
from sovereign.parser import StrictParser
from usage.api import router as usage_router

log = structlog.get_logger(__name__)

api = NinjaAPI(
    title="Sovereign",
    version=settings.VERSION,
    description="Ask questions about your own documents and get cited answers.",
    urls_namespace="api",
    docs_url=None,
    docs_decorator=require_safe,
    openapi_url="/openapi.json",
    parser=StrictParser(),
)
for router in (
    accounts_router,
    ingest_router,
    sync_router,
    moving_router,
    chat_router,
    compliance_router,
    evaluation_router,
    usage_router,
    fleet_router,
):
    api.add_router("", router)

CODES = {
    400: "bad-request",
    401: "sign-in-needed",
    403: "forbidden",
    404: "not-found",
    429: "throttled",
}


def not_found() -> Problem:
    return Problem(
        404, "not-found", _("There is nothing here, or you may not see it. Check the address.")
    )


def not_allowed(allowed: str) -> Problem:
    detail = _("This address does not take that method. It takes: %(allowed)s.") % {
        "allowed": allowed
    }
    return Problem(405, "method-not-allowed", detail, headers={"Allow": allowed})


@api.exception_handler(Problem)
def on_problem(_request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem.as_response()


@api.exception_handler(Http404)
def on_404(_request: HttpRequest, _error: Http404) -> HttpResponse:
    return not_found().as_response()


@api.exception_handler(PermissionDenied)
def on_403(_request: HttpRequest, _error: PermissionDenied) -> HttpResponse:
    detail = _("You may see this but not change it. Ask a manager of the collection.")
    return Problem(403, "forbidden", detail).as_response()


@api.exception_handler(AuthenticationError)
def on_401(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    detail = _("Sign in, or send a valid token as: Authorization: Bearer TOKEN.")
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(401, "sign-in-needed", detail, headers=headers).as_response()


@api.exception_handler(HttpError)
def on_http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, Problem):  # ninja wraps whatever a parser says
        return error.__cause__.as_response()
    code = CODES.get(error.status_code, "refused")
    return Problem(error.status_code, code, error.message).as_response()


@api.exception_handler(RequestDataTooBig)
def on_too_big(_request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    return Problem(
        413, "too-large", _("The request is too large. Send less at once.")
    ).as_response()


@api.exception_handler(SuspiciousOperation)
def on_suspicious(_request: HttpRequest, _error: SuspiciousOperation) -> HttpResponse:
    return Problem(400, "bad-request", _("The request is not well-formed.")).as_response()


@api.exception_handler(ValidationError)
def on_invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say which field is wrong and why. What was sent is not repeated: it may be a password."""
    if all(item["loc"][:1] == ("path",) for item in error.errors):
        return not_found().as_response()
    errors = [{"field": _field(item["loc"]), "message": item["msg"]} for item in error.errors]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors[:3])
    return Problem(422, "invalid", detail, extra={"errors": errors}).as_response()


def _field(location: tuple[str | int, ...]) -> str:
    """('body', 'payload', 'email') -> 'email': the name of our own argument means nothing to callers."""
    source, *names = location
    inner = names[1:] if source == "body" and len(names) > 1 else names
    return ".".join(str(name) for name in inner) or str(source)


@api.exception_handler(Exception)
def on_unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """The message of an unknown exception may hold a document's text: its type and place do not."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    route = request.resolver_match.route if request.resolver_match else ""
    log.error("api.unexpected", exception=type(error).__name__, where=where, route=route)
    detail = _("Something went wrong on our side. Try again; if it stays, tell your administrator.")
    return Problem(500, "unexpected", detail).as_response()


View = Callable[..., Any]


def _finished(response: HttpResponseBase) -> HttpResponseBase:
    """ninja answers 405 in plain text, past the exception handlers."""
    if response.status_code != 405:
        return response
    allowed = response.headers["Allow"].split(", ")
    return not_allowed(", ".join(sorted(allowed))).as_response()


def _door(view: View) -> View:
    """Take a view of ninja's out of the pages' sign-in redirect: operations have their own auth."""
    if iscoroutinefunction(view):

        async def later(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            answer: Awaitable[HttpResponseBase] = view(request, *args, **kwargs)
            return _finished(await answer)

        door: View = later
    else:

        def now(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return _finished(view(request, *args, **kwargs))
            except Http404:
                return not_found().as_response()

        door = now
    door = wraps(view, updated=())(door)
    door.csrf_exempt = True  # type: ignore[attr-defined] # session auth checks it (accounts/auth.py)
    return login_not_required(door)


def urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """What sovereign.urls includes under /api/v1/."""
    patterns, app, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = _door(pattern.callback)
    return patterns, app, namespace


@login_not_required
def nothing_here(_request: HttpRequest, **_: object) -> HttpResponse:
    """Any other address under /api/."""
    return not_found().as_response()


nothing_here.csrf_exempt = True  # type: ignore[attr-defined]
