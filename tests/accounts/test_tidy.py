"""What has ended is forgotten in time, and nothing else."""

from collections.abc import Callable
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import links, tokens
from accounts.models import ApiToken, OneTimeLink, User
from accounts.tasks import tidy
from sovereign.celery import app


def test_what_ended_long_ago_is_forgotten(
    bob: User, erin: User, client_for: Callable[[User | None], Client]
) -> None:
    for user in (bob, erin):
        client_for(user)
        links.create_link(OneTimeLink.Purpose.RESET, user, actor=None)
        tokens.create_token(user, name="night")
    long_ago = timezone.now() - timedelta(days=31)
    OneTimeLink.objects.filter(user=erin).update(expires_at=long_ago)
    ApiToken.objects.filter(user=erin).update(expires_at=long_ago)
    over = Session.objects.all()[0]
    Session.objects.filter(pk=over.pk).update(expire_date=timezone.now())
    assert tidy() == 3
    assert OneTimeLink.objects.get().user == bob and ApiToken.objects.get().user == bob
    assert Session.objects.count() == 1
    assert tidy() == 0


def test_the_clock_calls_tasks_that_there_are() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= app.tasks.keys()
