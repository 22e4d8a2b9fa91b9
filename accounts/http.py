"""Requests whose caller is known: the middleware lets nobody else reach these views."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User

View = Callable[..., HttpResponseBase]


class SignedInRequest(HttpRequest):
    user: User


def admin_required(view: View) -> View:
    """Answer 403 to everyone but administrators."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not cast(SignedInRequest, request).user.is_admin:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return inner


def compliance_required(view: View) -> View:
    """Answer 403 to everyone but compliance officers: an administrator is none by that."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not cast(SignedInRequest, request).user.is_compliance:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return inner
