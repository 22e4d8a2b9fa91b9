"""Prices are an administrator's to keep; each change is recorded; a file goes out and in again."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Entry
from audit.problems import Problem
from tests import people
from usage import amounts
from usage.cells import plain, safe
from usage.models import Price
from usage.prices import Draft, export, import_prices, note, remove

DAY = date(2026, 1, 1)
ELECTRICITY = Draft("electricity", DAY, Decimal("0.31"), source="contract 7")


@pytest.fixture
def admin(db: None) -> User:
    return people.make_user("Admin", is_admin=True)


def test_nobody_but_administrators_keeps_prices(admin: User) -> None:
    price = note(admin, ELECTRICITY)
    bob = people.make_user("Bob")
    admin.is_active = False
    for who in (bob, admin):
        with pytest.raises(PermissionDenied):
            note(who, ELECTRICITY)
        with pytest.raises(PermissionDenied):
            remove(who, price.pk)
        with pytest.raises(PermissionDenied):
            import_prices(who, b"")


def test_a_price_is_noted_changed_and_removed_and_that_is_recorded(admin: User) -> None:
    assert not Price.objects.exists(), "there is no price that nobody noted"
    note(admin, ELECTRICITY)
    price = note(admin, Draft("electricity", DAY, Decimal("0.35")))
    assert Price.objects.get() == price and price.amount == Decimal("0.35")
    remove(admin, price.pk)
    with pytest.raises(Http404):
        remove(admin, price.pk)
    entries = Entry.objects.filter(action__startswith="usage.").order_by("id")
    assert [(entry.action, entry.data["amount"]) for entry in entries] == [
        ("usage.price.note", "0.31"),
        ("usage.price.note", "0.35"),
        ("usage.price.remove", "0.35"),
    ]
    assert "contract" not in str([entry.data for entry in entries])


@pytest.mark.parametrize(
    "draft",
    [
        Draft("gold", DAY, Decimal(1)),
        Draft("api", DAY, Decimal(1), name="  "),
        Draft("api", DAY, Decimal(-1), name="A"),
        Draft("api", DAY, Decimal("NaN"), name="A"),
        Draft("api", DAY, Decimal("Infinity"), name="A"),
        Draft("api", DAY, Decimal(1), name="A", written=Decimal(10**9)),
        Draft("api", DAY, Decimal(1), name="A" * 151),
        Draft("electricity", DAY, Decimal(1), source="x" * 301),
        Draft("hardware", DAY, Decimal(1), name="Box"),
        Draft("hardware", DAY, Decimal(1), name="Box", months=0),
    ],
)
def test_what_is_no_price_is_refused(admin: User, draft: Draft) -> None:
    with pytest.raises(Problem) as refused:
        note(admin, draft)
    assert (refused.value.status, refused.value.code) == (422, "price-invalid")
    assert not Price.objects.exists()


def test_what_a_kind_does_not_have_is_left_out(admin: User) -> None:
    odd = Draft("electricity", DAY, Decimal("0.3"), "x", Decimal(1), Decimal(1), 7, "  a  b ")
    price = note(admin, odd)
    assert (price.name, price.cached, price.written, price.months) == ("", None, None, None)
    assert price.source == "a b"


def test_a_file_goes_out_and_comes_in_again(admin: User) -> None:
    note(admin, ELECTRICITY)
    note(
        admin, Draft("api", DAY, Decimal(2), '=Big, "best"', Decimal("0.2"), Decimal(8), None, "-x")
    )
    note(admin, Draft("hardware", DAY, Decimal(3600), "Box", months=36))
    before = list(Price.objects.values_list("kind", "name", "since", "amount", "months", "source"))
    text = export(Price.objects.all())
    assert text.startswith("\ufeffkind,name,since,amount,cached,written,months,source\r\n")
    assert "'=Big" in text and "'-x" in text
    Price.objects.all().delete()
    assert import_prices(admin, text.encode()) == 3
    rows = Price.objects.values_list("kind", "name", "since", "amount", "months", "source")
    assert list(rows) == before
    assert Entry.objects.filter(action="usage.prices.import", data={"prices": 3}).exists()


def test_a_spreadsheets_file_is_read_as_well(admin: User) -> None:
    data = "kind;since;amount\r\nElectricity;2026-01-01;0,31\r\n".encode("utf-8-sig")
    assert import_prices(admin, data) == 1
    assert Price.objects.get().amount == Decimal("0.31")


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1234", "", "1234"),
        ("0.31", "", "0.31"),
        ("0,315", "", "0.315"),
        ("1,23", "", "1.23"),
        ("1234,567", "", "1234.567"),
        ("1,234,567", "", "1234567"),
        ("1.234,5", "", "1234.5"),
        ("1,234.5", "", "1234.5"),
        ("1\u00a0234,5", ",", "1234.5"),
        ("1\u2019234", "", "1234"),
        (" .5 ", "", "0.5"),
        ("-1.5", "", "-1.5"),
        ("1.234", ".", "1.234"),
        ("1,234", ",", "1.234"),
    ],
)
def test_what_is_one_number_is_read_as_it(text: str, decimal: str, number: str) -> None:
    assert amounts.read(text, decimal) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "decimal", "small", "large"),
    [
        ("1,234", "", "1,2340", "1234"),
        ("1.234", "", "1.2340", "1234"),
        ("1,234", ".", "1.234", "1234"),
        ("12.345", ",", "12,345", "12345"),
    ],
)
def test_what_could_be_two_numbers_is_not_guessed(
    text: str, decimal: str, small: str, large: str
) -> None:
    with pytest.raises(amounts.Unclear) as refused:
        amounts.read(text, decimal)
    assert (refused.value.small, refused.value.large) == (small, large)
    for written in (small, large):
        amounts.read(written, decimal)


@pytest.mark.parametrize(
    "text",
    ["", ".", "a lot", "1,23,4", "1.2.3", "12 34", "1e5", "NaN", "Infinity", "1_000", "\u0663"],
)
def test_what_is_no_number_is_none(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        amounts.read(text)
    assert not isinstance(refused.value, amounts.Unclear)


def test_a_file_whose_thousands_could_be_decimals_is_refused(admin: User) -> None:
    head, row = (
        "kind{0}name{0}since{0}amount{0}months\n",
        "hardware{0}Box{0}2026-01-01{0}{1}{0}36\n",
    )
    for delimiter, amount in ((";", "1.234"), (";", "1,234"), (",", '"1,234"'), ("\t", "1.234")):
        with pytest.raises(Problem) as refused:
            import_prices(admin, (head + row).format(delimiter, amount).encode())
        assert refused.value.code == "price-invalid", amount
        told = str(refused.value.detail)
        assert "Line 2" in told and "1234" in told, told
    assert not Price.objects.exists()
    import_prices(admin, (head + row).format(",", "1.234").encode())
    assert Price.objects.get().amount == Decimal("1.234"), "as an exported file has it"


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [
        (b"\xff\xfe\x00", "prices-unreadable", ""),
        (b"kind,amount\nelectricity,1\n", "prices-unreadable", "since"),
        (b"", "prices-unreadable", "since"),
        (
            b"kind,since,amount\nelectricity,2026-01-01,0.3\nelectricity,soon,1\n",
            "price-invalid",
            "3",
        ),
        (b"kind,since,amount\nelectricity,2026-01-01,a lot\n", "price-invalid", "2"),
        (b"kind,since,amount\napi,2026-01-01,1\n", "price-invalid", "2"),
        (b"kind,since,amount\n" + b"x" * 300_000, "prices-unreadable", ""),
        (b'kind,since,amount\n"electricity', "prices-unreadable", ""),
    ],
)
def test_a_file_with_a_fault_changes_nothing(
    admin: User, data: bytes, code: str, told: str
) -> None:
    with pytest.raises(Problem) as refused:
        import_prices(admin, data)
    assert refused.value.code == code and told in str(refused.value.detail)
    assert not Price.objects.exists()


def test_there_is_an_end_to_them(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usage.prices.MOST", 1)
    note(admin, ELECTRICITY)
    note(admin, ELECTRICITY)
    with pytest.raises(Problem) as refused:
        note(admin, Draft("hardware", DAY, Decimal(1), "Box", months=1))
    assert refused.value.code == "too-many-prices"
    assert Price.objects.count() == 1
    with pytest.raises(Http404):
        remove(admin, uuid4())


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula_and_none_is_lost(cell: str) -> None:
    made = safe(cell)
    assert plain(made) == cell
    shown = made.strip()
    assert not shown.startswith(("=", "+", "@")), "a spreadsheet would compute it"
    if shown.startswith("-"):
        assert float(shown) <= 0
