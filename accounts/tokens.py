"""API tokens: made once, shown once, stored as a hash, bounded by scopes and a date."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiToken, User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from audit.record import record

PREFIX = "sv_"
DEFAULT_DAYS = 90
MAX_DAYS = 365
MAX_TOKENS = 100
LAST_USED_PRECISION = timedelta(minutes=1)
REFUSED_PRECISION = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class NewToken:
    """`secret` is what the person keeps; it cannot be shown again."""

    token: ApiToken
    secret: str


def hash_secret(secret: str) -> str:
    """Plain SHA-256 is enough: what is hashed has 256 random bits, nobody can guess through it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def scopes_of(user: User) -> list[str]:
    """All scopes that tokens of `user` may carry."""
    held = {ApiToken.Scope.ADMIN: user.is_admin, ApiToken.Scope.AUDIT: user.is_compliance}
    return [scope for scope in ApiToken.Scope.values if held.get(ApiToken.Scope(scope), True)]


@transaction.atomic
def create_token(
    user: User, *, name: str = "", scopes: Collection[str] | None = None, days: int = DEFAULT_DAYS
) -> NewToken:
    """Make a token of `user`. `scopes` None: all that the person may have; `days` until it expires.

    Raises Problem `bad-scope`, `bad-expiry`, `admin-scope`, `audit-scope`, `too-many-tokens`.
    """
    wanted = scopes_of(user) if scopes is None else _checked(user, scopes)
    if not 1 <= days <= MAX_DAYS:
        raise Problem(
            422, "bad-expiry", _("A token lasts between 1 and %(days)d days.") % {"days": MAX_DAYS}
        )
    _forget_expired(user)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=" ".join(name.split())[:150],
        token_hash=hash_secret(secret),
        scopes=wanted,
        expires_at=timezone.now() + timedelta(days=days),
    )
    record(
        actions.TOKEN_CREATED,
        actor=user,
        target=("token", token.id),
        data={"scopes": wanted, "days": days},
    )
    return NewToken(token, secret)


def _checked(user: User, scopes: Collection[str]) -> list[str]:
    wanted = [scope for scope in ApiToken.Scope.values if scope in scopes]
    if not wanted or len(wanted) != len(set(scopes)):
        known = ", ".join(ApiToken.Scope.values)
        raise Problem(422, "bad-scope", _("Choose scopes from: %(known)s.") % {"known": known})
    if ApiToken.Scope.ADMIN in wanted and not user.is_admin:
        raise Problem(
            403, "admin-scope", _("Only an administrator can have a token that administers.")
        )
    if ApiToken.Scope.AUDIT in wanted and not user.is_compliance:
        raise Problem(
            403,
            "audit-scope",
            _("Only a compliance officer can have a token that reads the record."),
        )
    return wanted


def _forget_expired(user: User) -> None:
    """Keep the list short: a script that signs in each night leaves its old tokens behind."""
    user.tokens.filter(expires_at__lt=timezone.now()).delete()
    if user.tokens.count() >= MAX_TOKENS:
        raise Problem(
            409,
            "too-many-tokens",
            _("You have %(count)d tokens. Revoke some that you do not use.")
            % {"count": MAX_TOKENS},
        )


@transaction.atomic
def revoke_token(user: User, pk: UUID | str) -> None:
    """End one token of `user` at once. Raises Http404 where there is no such token of this person."""
    deleted, _kinds = user.tokens.filter(pk=pk).delete()
    if not deleted:
        raise Http404
    record(actions.TOKEN_REVOKED, actor=user, target=("token", pk))


@transaction.atomic
def revoke_all(user: User) -> int:
    """End every token of `user` at once; return how many there were."""
    count = user.tokens.count()
    user.tokens.all().delete()
    if count:
        record(actions.TOKEN_REVOKED, actor=user, target=("user", user.pk), data={"tokens": count})
    return count


def find_token(secret: str) -> ApiToken | None:
    """Return the valid token behind `secret`, its user loaded, and note its use. None: not valid."""
    now = timezone.now()
    token = ApiToken.objects.select_related("user").filter(token_hash=hash_secret(secret)).first()
    if token is None:
        return None
    if token.expires_at <= now or not token.user.is_active:
        note_refusal(token, "expired" if token.expires_at <= now else "inactive")
        return None
    _note_use(token)
    return token


def note_refusal(token: ApiToken, why: str) -> None:
    """Record that a token of ours was refused, now and then: a script may try it every second.

    A secret that was never ours leaves no trace: anybody could fill the record with such.
    """
    lately = timezone.now() - REFUSED_PRECISION
    known = Entry.objects.filter(
        action=actions.TOKEN_REFUSED, target_id=str(token.pk), at__gt=lately
    )
    if not known.exists():
        record(
            actions.TOKEN_REFUSED, actor=token.user, target=("token", token.pk), data={"why": why}
        )


def _note_use(token: ApiToken) -> None:
    """Write at most once a minute: a busy script must not turn each read into a write."""
    now = timezone.now()
    old = now - LAST_USED_PRECISION
    if token.last_used_at is None or token.last_used_at < old:
        unused = Q(last_used_at__isnull=True) | Q(last_used_at__lt=old)
        ApiToken.objects.filter(unused, pk=token.pk).update(last_used_at=now)
