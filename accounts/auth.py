"""Who calls the API: a browser by session cookie and CSRF token, a script by bearer token."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from accounts.models import ApiToken, User
from accounts.tokens import find_token, note_refusal
from audit.problems import Problem


class BearerAuth(HttpBearer):
    """`Authorization: Bearer TOKEN`, the token holding one of `scopes` (none: any valid token)."""

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = frozenset(scopes)

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        found = find_token(token.strip())
        if found is None:
            return None
        request.user = found.user
        if self.scopes and self.scopes.isdisjoint(found.scopes):
            note_refusal(found, "scope")
            wanted = ", ".join(sorted(self.scopes))
            raise Problem(
                403,
                "missing-scope",
                _("This token lacks the scope: %(scope)s. Make one that has it.")
                % {"scope": wanted},
            )
        _require_role(found.user, self.scopes)
        return found.user


class SessionAuth(APIKeyCookie):
    """The browser's session. Unsafe methods need the CSRF token, as forms do."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, *scopes: str) -> None:
        super().__init__()
        self.scopes = frozenset(scopes)

    def __call__(self, request: HttpRequest) -> User | None:
        # A caller who sends a token means the token: a stale one never falls back to the cookie.
        # Reading is_authenticated loads the lazy user here, in a thread: async views may then use it.
        user = request.user
        if "Authorization" in request.headers or not user.is_authenticated:
            return None
        if check_csrf(request):
            raise Problem(
                403,
                "csrf-failed",
                _("The CSRF token is missing or wrong. Reload the page, try again."),
            )
        _require_role(user, self.scopes)
        return user

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        return self(request)


def requires(*scopes: str) -> list[Callable[[HttpRequest], User | None]]:
    """Return ninja's `auth=` for an operation that a token needs one of `scopes` for.

    `requires("admin")` also needs an administrator and `requires("audit")` a compliance officer, by
    token and by session alike. `requires()` asks for a signed-in person only. Afterwards
    `request.user` and `request.auth` are the User.
    """
    unknown = set(scopes) - set(ApiToken.Scope.values)
    if unknown:
        raise ValueError(f"no such scope: {sorted(unknown)}")
    return [BearerAuth(*scopes), SessionAuth(*scopes)]


def _require_role(user: User, scopes: frozenset[str]) -> None:
    if scopes == {ApiToken.Scope.ADMIN} and not user.is_admin:
        raise Problem(403, "admin-only", _("Only an administrator can do this."))
    if scopes == {ApiToken.Scope.AUDIT} and not user.is_compliance:
        raise Problem(403, "compliance-only", _("Only a compliance officer can do this."))
