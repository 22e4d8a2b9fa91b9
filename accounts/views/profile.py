"""One's own account: name, language, password, API tokens."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import ChangePasswordForm, NameForm, TokenForm
from accounts.http import SignedInRequest
from accounts.passwords import change_own_password
from accounts.people import rename_self
from accounts.tokens import create_token, revoke_token
from audit.problems import Problem


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    form = NameForm(
        request.POST if request.method == "POST" else None, initial={"name": request.user.name}
    )
    if form.is_valid():
        rename_self(request.user, form.cleaned_data["name"])
        messages.success(request, _("Your name is changed."))
        return redirect("accounts:profile")
    return _page(request, name_form=form)


@never_cache
@sensitive_post_parameters("old", "password", "repeat")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: SignedInRequest) -> HttpResponse:
    """Change one's own password. This session goes on, every other one ends."""
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _change(request, form):
        messages.success(
            request, _("Your password is changed. You are signed out everywhere else.")
        )
        return redirect("accounts:profile")
    return render(
        request, "accounts/password.html", {"form": form}, status=422 if form.errors else 200
    )


def _change(request: SignedInRequest, form: ChangePasswordForm) -> bool:
    try:
        change_own_password(
            request, request.user, form.cleaned_data["old"], form.cleaned_data["password"]
        )
    except Problem as problem:
        form.refuse(problem)
        return False
    update_session_auth_hash(request, request.user)
    return True


@never_cache
@require_POST
def create(request: SignedInRequest) -> HttpResponse:
    """Make a token and show it, this one time."""
    form = TokenForm(request.user, request.POST)
    if form.is_valid():
        try:
            made = create_token(request.user, **form.cleaned_data)
        except Problem as problem:
            form.refuse(problem)
        else:
            return _page(request, made=made)
    return _page(request, token_form=form)


@require_POST
def revoke(request: SignedInRequest, pk: UUID) -> HttpResponse:
    revoke_token(request.user, pk)
    messages.success(request, _("The token is revoked. What used it is refused from now on."))
    return redirect("accounts:profile")


def _page(request: SignedInRequest, **context: Any) -> HttpResponse:
    wrong = any(form.errors for form in context.values() if isinstance(form, NameForm | TokenForm))
    context.setdefault("name_form", NameForm(initial={"name": request.user.name}))
    context.setdefault("token_form", TokenForm(request.user))
    context |= {"tokens": request.user.tokens.all(), "now": timezone.now()}
    return render(request, "accounts/profile.html", context, status=422 if wrong else 200)
