"""The first administrator by settings or by link, as the start of the program makes it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import OneTimeLink, User
from accounts.signals import first_admin_created
from tests import people


def run() -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("bootstrap_admin", stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue().strip()


def test_prints_a_link_that_works(db: None) -> None:
    path, _ = run()
    assert path.startswith("/accounts/link/")
    assert Client().get(path, follow=True).status_code == 200


def test_makes_the_administrator_of_the_settings(db: None, settings: Settings) -> None:
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "Boss@example.com", people.PASSWORD
    heard: list[User] = []

    def listen(user: User, **_: object) -> None:
        heard.append(user)

    first_admin_created.connect(listen)
    out, err = run()
    user = User.objects.get()
    assert out == "" and "boss@example.com" in err
    assert user.is_admin and user.check_password(people.PASSWORD) and heard == [user]
    settings.ADMIN_PASSWORD = "changed in the environment later"
    assert "already" in run()[1]
    assert User.objects.get().check_password(people.PASSWORD)


def test_the_settings_retire_the_link(db: None, settings: Settings) -> None:
    path, _ = run()
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "boss@example.com", people.PASSWORD
    run()
    assert Client().get(path).status_code == 404
    assert not OneTimeLink.objects.exists()


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("boss@example.com", "", "Set both"),
        ("", people.PASSWORD, "Set both"),
        ("boss@example.com", "short", "too short"),
        ("nonsense", people.PASSWORD, "not an e-mail address"),
    ],
)
def test_settings_refused(
    db: None, settings: Settings, email: str, password: str, says: str
) -> None:
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = email, password
    with pytest.raises(CommandError, match=says):
        run()
    assert not User.objects.exists()
