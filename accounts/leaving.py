"""What is left of somebody's sign-ins outside the account's own row."""

from axes.models import AccessAttempt
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from accounts.models import User


def forget_sign_ins(user: User) -> dict[str, int]:
    """Remove a person's sessions, and failed attempts under their e-mail; return rows by table.

    A session names its person inside: all are read, which are those of the last hours.
    """
    key = str(user.pk)
    mine = [
        session.pk
        for session in Session.objects.iterator()
        if session.get_decoded().get(SESSION_KEY) == key
    ]
    _count, removed = Session.objects.filter(pk__in=mine).delete()
    _count, attempts = AccessAttempt.objects.filter(username__iexact=user.email).delete()
    return {**removed, **attempts}
