"""One-time links: the first administrator, an invitation, a reset."""

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.bootstrap import open_installation
from accounts.forms import NewPasswordForm, SetUpForm
from accounts.links import find_link, open_account
from accounts.models import OneTimeLink, User
from audit.problems import Problem

BACKEND = "accounts.backends.EmailBackend"


@login_not_required
@never_cache
@sensitive_variables("secret")
@sensitive_post_parameters("password", "repeat")
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the form behind a link. Looking does not spend it: mail scanners look at links, too."""
    try:
        found = find_link(secret)
        form = _form(request, found)
        user = _open(found, form)
    except Problem as problem:
        return render(
            request, "accounts/link_gone.html", {"detail": problem.detail}, status=problem.status
        )
    if user is None:
        context = {"form": form, "link": found}
        return render(request, "accounts/link.html", context, status=422 if form.errors else 200)
    auth.login(request, user, backend=BACKEND)
    messages.success(request, _("Your password is set. Welcome."))
    return redirect("chat:ask")


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
