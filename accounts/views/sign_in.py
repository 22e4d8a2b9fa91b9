"""Coming in and going out."""

from datetime import timedelta

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import SignInForm
from accounts.links import administrator_exists
from audit.problems import Problem


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for e-mail and password. A wrong address and a wrong password look and last the same."""
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(_next(request))
    form = SignInForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        email, password = form.cleaned_data["email"].strip().lower(), form.cleaned_data["password"]
        user = auth.authenticate(request, username=email, password=password)
        if user is not None:
            auth.login(request, user)
            return redirect(_next(request))
        form.add_error(
            None, _("E-mail and password do not belong together. Check both and try again.")
        )
    context = {"form": form, "next": _next(request), "new": not administrator_exists()}
    return render(request, "accounts/sign_in.html", context, status=422 if form.errors else 200)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


def locked_out(request: HttpRequest, *_args: object) -> HttpResponse:
    """Answer for django-axes (AXES_LOCKOUT_CALLABLE). Each further try starts the wait anew."""
    wait = timedelta(hours=settings.AXES_COOLOFF_TIME)
    minutes = max(1, round(wait.total_seconds() / 60))
    detail = ngettext(
        "Too many failed sign-ins. Wait %(minutes)d minute, then try again.",
        "Too many failed sign-ins. Wait %(minutes)d minutes, then try again.",
        minutes,
    ) % {"minutes": minutes}
    if request.path.startswith("/api/"):
        response = Problem(429, "locked-out", detail).as_response()
    else:
        response = render(request, "accounts/locked_out.html", {"detail": detail}, status=429)
    response["Retry-After"] = str(round(wait.total_seconds()))
    return response


def _next(request: HttpRequest) -> str:
    """Where to go after sign-in: `next`, if it is an address of ours, else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else resolve_url(settings.LOGIN_REDIRECT_URL)
