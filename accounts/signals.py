"""What other rooms may listen to, and the record of sessions."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import Signal, receiver
from django.utils.crypto import salted_hmac

from accounts.models import User
from audit import actions
from audit.record import record

#: Sent once, inside the transaction, with `user`: the person who became the first administrator.
first_admin_created = Signal()


def email_hash(email: object) -> str:
    """Same address, same hash; without the secret key nobody can try addresses against the record."""
    typed = str(email or "").strip().lower()
    return salted_hmac("accounts.sign-in", typed, algorithm="sha256").hexdigest()[:32]


@receiver(user_logged_in)
def record_sign_in(user: User, **_: Any) -> None:
    record(actions.SIGNED_IN, actor=user, target=("user", user.pk))


@receiver(user_logged_out)
def record_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record(actions.SIGNED_OUT, actor=user, target=("user", user.pk))


@receiver(user_login_failed)
def record_failure(credentials: dict[str, Any], **_: Any) -> None:
    record(actions.SIGN_IN_FAILED, data={"email_hash": email_hash(credentials.get("username"))})


@receiver(user_locked_out)
def record_lock_out(username: str | None, **_: Any) -> None:
    record(actions.LOCKED_OUT, data={"email_hash": email_hash(username)})
