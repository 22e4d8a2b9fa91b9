"""One-time links: the first administrator, an invitation, a reset."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.bootstrap import open_installation
from accounts.forms import NewPasswordForm, SetUpForm
from accounts.links import find_link, get_link, open_account
from accounts.models import OneTimeLink, User
from audit.problems import Problem

BACKEND = "accounts.backends.EmailBackend"
NOBODY = UUID(int=0)


#: Where a session notes the id of the link that it came by.
KEY = "accounts.link"


def _unlogged(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For GET alone. Django logs the address of a refused request: this one holds a secret."""

    @wraps(view)
    def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        safe = request.method in ("GET", "HEAD")
        response = (
            view(request, *args, **kwargs) if safe else HttpResponseNotAllowed(["GET", "HEAD"])
        )
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    return inner


@login_not_required
@csrf_exempt  # it takes no form; the middleware's refusal would be logged with the address
@_unlogged
@never_cache
@sensitive_variables("secret")
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """Note whose link this is and go on without the secret: it stays out of logs, history, forms.

    Looking does not spend it: mail scanners look at links, too.
    """
    try:
        request.session[KEY] = str(find_link(secret).pk)
    except Problem as problem:
        return _gone(request, problem)
    return redirect("accounts:link-open")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "repeat")
@require_http_methods(["GET", "HEAD", "POST"])
def open_link(request: HttpRequest) -> HttpResponse:
    """Ask for the password that the link sets, set it, sign the person in."""
    try:
        found = get_link(request.session.get(KEY) or NOBODY)
        form = _form(request, found)
        user = _open(found, form)
    except Problem as problem:
        return _gone(request, problem)
    if user is None:
        context = {"form": form, "link": found}
        return render(request, "accounts/link.html", context, status=422 if form.errors else 200)
    request.session.pop(KEY)
    auth.login(request, user, backend=BACKEND)
    messages.success(request, _("Your password is set. Welcome."))
    return redirect("chat:ask")


def _gone(request: HttpRequest, problem: Problem) -> HttpResponse:
    return render(
        request, "accounts/link_gone.html", {"detail": problem.detail}, status=problem.status
    )


def _form(request: HttpRequest, found: OneTimeLink) -> NewPasswordForm:
    kind = SetUpForm if found.purpose == OneTimeLink.Purpose.SETUP else NewPasswordForm
    return kind(request.POST if request.method == "POST" else None)


def _open(found: OneTimeLink, form: NewPasswordForm) -> User | None:
    """Return whose account is open now, None where the form has to be shown (again)."""
    if not form.is_valid():
        return None
    data = form.cleaned_data
    try:
        if isinstance(form, SetUpForm):
            return open_installation(
                found, email=data["email"], name=data["name"], password=data["password"]
            )
        return open_account(found, data["password"])
    except Problem as problem:
        if problem.code == "link-gone":
            raise
        form.refuse(problem)
        return None
