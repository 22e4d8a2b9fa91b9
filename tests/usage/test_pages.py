"""Pages, API and command say the same, to administrators alone; everybody sees her own."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tokens import create_token
from tests import people
from tests.usage.things import answer, tally
from usage.figures import before, first_of
from usage.models import Price

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]
MONTH = before(first_of(date.today()), 2)  # noqa: DTZ011
KEY = f"{MONTH:%Y-%m}"


@pytest.fixture
def admin() -> User:
    return people.make_user("Admin", is_admin=True)


@pytest.fixture
def filled(admin: User, bob: User) -> User:
    """Six of Sales, one of Board, a private one; prices of all kinds."""
    sales = [people.make_user(f"Sales {n}") for n in range(6)]
    people.make_group("Sales <b>", *sales)
    people.make_group("Board of one", bob)
    for user in [*sales, bob]:
        answer(user, at=MONTH, assistant=(uuid4(), "Solo & Co") if user == bob else None)
    answer(bob, at=MONTH, private=True)
    answer(bob, at=MONTH, way="evaluation", took=tally(joules=None))
    first = MONTH.replace(month=1)
    Price.objects.create(kind="electricity", since=first, amount=Decimal("0.3"))
    Price.objects.create(
        kind="api", name="=Big", since=first, amount=Decimal(1000), written=Decimal(2000)
    )
    Price.objects.create(kind="hardware", name="Box", since=first, amount=Decimal(1200), months=120)
    return admin


def page(client: Client, **query: str) -> str:
    response = client.get(reverse("usage:overview"), query)
    assert response.status_code == 200
    # Its random letters spell somebody's name now and then.
    return response.content.decode().replace(str(response.context["csrf_token"]), "")


def test_the_page_shows_totals_charts_and_no_single_person(
    client_for: ClientFor, filled: User
) -> None:
    shown = page(client_for(filled))
    assert "Sales &lt;b&gt;" not in shown and "Others, together" in shown
    assert "Board of one" not in shown and "Solo &amp; Co" not in shown
    assert "bob" not in shown.lower()
    assert shown.count("<svg") > 5 and shown.count("<title") > 5 and shown.count("<desc") >= 5
    assert "=Big" in shown and "Ask page, private" in shown
    assert "is not known and not in the sums" in shown


@pytest.mark.parametrize("measure", ["answers", "tokens", "energy", "money", "odd", ""])
def test_charts_show_what_is_chosen(client_for: ClientFor, filled: User, measure: str) -> None:
    shown = page(client_for(filled), show=measure, since=KEY, until=KEY)
    assert 'class="column"' in shown


@pytest.mark.parametrize("odd", ["", "2026-13", "x", "1-1", "9999-12", "2026-03-01", "0001-01"])
def test_odd_months_do_no_harm(client_for: ClientFor, filled: User, odd: str) -> None:
    page(client_for(filled), since=odd, until=odd)


def test_an_empty_book_is_a_page_as_well(client_for: ClientFor, admin: User) -> None:
    shown = page(client_for(admin))
    assert "There is nothing to show" in shown and "No list price is kept here yet" in shown


def test_the_file_says_the_same_and_holds_no_formula(client_for: ClientFor, filled: User) -> None:
    response = client_for(filled).get(reverse("usage:file"), {"since": KEY, "until": KEY})
    assert response["Content-Disposition"] == f'attachment; filename="usage-{KEY}-{KEY}.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    (whole,) = [row for row in rows if row["by"] == "all"]
    assert (whole["answers"], whole["unmeasured"]) == ("9", "1")
    assert float(whole["hardware EUR"]) == 10.0
    assert float(whole["api: =Big"]) == pytest.approx(9 * (1_000 * 1000 + 61 * 2000) / 1e6)
    assert {row["key"] for row in rows if row["by"] == "group"} == {"others"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]


def test_prices_are_noted_and_removed_on_their_page(client_for: ClientFor, admin: User) -> None:
    client, url = client_for(admin), reverse("usage:prices")
    assert "No price is noted yet" in client.get(url).content.decode()
    sent = {"kind": "api", "name": "Big", "amount": "2.5", "cached": "", "written": "10",
            "since": "2026-01-01", "source": "their page"}  # fmt: skip
    assert client.post(url, sent).status_code == 302
    price = Price.objects.get()
    assert (price.amount, price.cached, price.created_by) == (Decimal("2.5"), None, admin)
    assert "their page" in client.get(url).content.decode()
    for odd in (
        {"amount": "-1"},
        {"amount": "NaN"},
        {"since": "soon"},
        {"name": " "},
        {"kind": "x"},
    ):
        assert client.post(url, {**sent, **odd}).status_code == 422
    file = client.get(reverse("usage:prices-file")).content
    assert client.post(reverse("usage:price-remove", args=[price.pk])).status_code == 302
    assert not Price.objects.exists()
    sent_file = SimpleUploadedFile("prices.csv", file)
    assert client.post(reverse("usage:prices-import"), {"file": sent_file}).status_code == 302
    assert Price.objects.get().name == "Big"
    broken = SimpleUploadedFile("prices.csv", b"no columns")
    answered = client.post(reverse("usage:prices-import"), {"file": broken})
    assert answered.status_code == 422 and b"The first line must name" in answered.content
    assert client.post(reverse("usage:price-remove", args=[uuid4()])).status_code == 404


@pytest.mark.parametrize(
    ("language", "written", "kept"),
    [
        ("en", "1.234", "1.234"),
        ("en", "1,234", "Write 1.234 or 1234."),
        ("en", "0,31", "0.31"),
        ("de", "1,234", "1.234"),
        ("de", "1.234", "1,234"),
        ("de", "1.234,50", "1234.5"),
        ("fr", "1\u202f234,50", "1234.5"),
        ("fr", "1.234", "1,234"),
        ("de", "zwei", ""),
    ],
)
def test_an_amount_is_read_as_its_reader_writes_it_or_not_at_all(
    client_for: ClientFor, admin: User, language: str, written: str, kept: str
) -> None:
    sent = {"kind": "hardware", "name": "Box", "amount": written, "months": "10",
            "since": "2026-01-01", "source": ""}  # fmt: skip
    headers = {"Accept-Language": language}
    answer = client_for(admin).post(reverse("usage:prices"), sent, headers=headers)
    if answer.status_code == 302:
        assert Price.objects.get().amount == Decimal(kept)
    else:
        assert answer.status_code == 422 and kept in answer.content.decode()
        assert not Price.objects.exists()


@pytest.mark.parametrize("name", ["overview", "file", "prices", "prices-file"])
def test_others_stay_outside(client_for: ClientFor, bob: User, name: str) -> None:
    assert client_for(bob).get(reverse(f"usage:{name}")).status_code == 403


def test_everybody_sees_her_own(client_for: ClientFor, bob: User, alice: User) -> None:
    answer(bob)
    answer(bob)
    answer(alice)
    answer(bob, private=True)
    shown = client_for(bob).get(reverse("own-usage")).content.decode()
    assert "2,122" in shown, "tokens of two answers"
    assert (
        "No answer of yours"
        in client_for(None or people.make_user("New")).get(reverse("own-usage")).content.decode()
    )


def call(user: User, path: str) -> Any:
    client = Client(headers={"Authorization": f"Bearer {create_token(user).secret}"})
    return client.get(f"/api/v1{path}")


def test_the_api_says_the_same(filled: User, bob: User) -> None:
    told = call(filled, f"/usage?since={KEY}&until={KEY}").json()
    assert told["total"]["answers"] == 9 and told["total"]["unmeasured"] == 1
    assert told["total"]["api"][0]["name"] == "=Big"
    assert [row["key"] for row in told["months"]] == [KEY]
    assert {row["key"] for row in told["parts"]["way"]} == {"page", "private", "evaluation"}
    assert [row["key"] for row in told["parts"]["group"]] == ["others"]
    assert len(call(filled, "/usage").json()["months"]) == 13
    refused = call(filled, "/usage?since=soon")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad-month")
    assert call(bob, "/usage").status_code == 403
    own = call(bob, "/me/usage").json()["months"]
    assert [(row["key"], row["answers"]) for row in own] == [(KEY, 2)]


def test_the_command_says_the_same(filled: User) -> None:
    out = io.StringIO()
    call_command("usage", month=KEY, stdout=out)
    assert "Others, together" in out.getvalue() and "The same tokens by =Big" in out.getvalue()
    out = io.StringIO()
    call_command("usage", "--json", stdout=out)
    assert json.loads(out.getvalue())["total"]["answers"] == 9
    with pytest.raises(CommandError):
        call_command("usage", month="soon")
