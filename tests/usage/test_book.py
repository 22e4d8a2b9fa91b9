"""A row an answer, without a word of it, and without a name where nothing was kept."""

import json
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import Group, User
from accounts.people import delete_user
from audit.models import Entry
from chat.ask import Ask
from chat.conversations import delete_conversation, start_answer
from chat.events import Done
from chat.private import Rendered, private_events
from chat.private_views import _asked, rendered
from chat.replay import replay
from chat.run import run_unstored
from chat.streaming import events_of
from compliance.person import export
from evaluation.asking import write_answer
from ingest import holds
from ingest.models import Collection
from tests import people
from tests.chat.conftest import *  # noqa: F403
from tests.usage.things import ago, answer, tally
from usage import keeping, words
from usage.book import Ledger
from usage.figures import after, before, first_of
from usage.models import Answered, AnsweredGroup, MonthTotal, Price
from usage.report import report
from usage.sums import of_month

pytestmark = pytest.mark.django_db
QUESTION = "How many days of annual leave does every employee have?"
LAST = before(first_of(date.today()), 6)  # noqa: DTZ011


def team(count: int, name: str = "Sales") -> list[User]:
    users = [people.make_user(f"{name} {number}") for number in range(count)]
    people.make_group(name, *users)
    return users


def test_an_answer_of_the_ask_page_leaves_a_row_and_no_words(
    bob: User, handbook: Collection
) -> None:
    people.make_group("Sales", bob)
    message = start_answer(bob, question=QUESTION, collections=None)
    done = list(events_of(message, lambda: False))[-1]
    assert isinstance(done, Done)
    row = Answered.objects.get()
    assert (row.answer, row.user, row.way, row.status) == (message.pk, bob, "page", done.status)
    assert row.model == "fake" and row.generations == 2
    assert row.prompt - row.look + 1 <= done.tokens["prompt"], (
        "the look's stand beside the answer's"
    )
    assert row.written >= done.tokens["completion"]
    assert [link.name for link in row.groups.all()] == ["Sales"]
    delete_conversation(bob, message.conversation)
    row.refresh_from_db()
    assert row.user == bob
    assert "annual" not in json.dumps(list(Answered.objects.values()), default=str)


def test_a_private_answer_is_nobodys(bob: User, handbook: Collection) -> None:
    people.make_group("Sales", bob)
    ask = Ask(bob, QUESTION, (handbook.pk,), uuid4())
    list(run_unstored(ask, gone=lambda: False))
    row = Answered.objects.get()
    assert (row.user, row.answer, row.way) == (None, None, "private")
    assert (timezone.localtime(row.at).hour, row.at.second, row.at.microsecond) == (0, 0, 0)
    assert not row.groups.exists()
    assert row.prompt > 0


def test_a_private_answer_shows_what_it_took_as_others_do(bob: User, handbook: Collection) -> None:
    day = timezone.localdate()
    Price.objects.create(
        kind="api", name="Big API", since=day, amount=Decimal(2), written=Decimal(9)
    )
    request: Any = RequestFactory().post("/", {"question": QUESTION, "collections": [handbook.pk]})
    request.user = bob
    events = private_events(_asked(request), partial(rendered, request), lambda: False)
    [page] = [event.html for event in events if isinstance(event, Rendered)]
    assert 'class="took"' in page and "Big API" in page and "Tokens:" in page


def test_quotes_without_a_model_count_as_answers_without_tokens(
    bob: User, handbook: Collection
) -> None:
    ask = Ask(bob, QUESTION, (handbook.pk,), uuid4(), model="extractive", way="command")
    list(run_unstored(ask, gone=lambda: False))
    row = Answered.objects.get()
    assert (row.model, row.generations, row.prompt, row.way) == ("extractive", 0, 0, "command")


def test_what_one_costs_today(bob: User) -> None:
    day = timezone.localdate() - timedelta(days=10)
    Price.objects.create(kind="electricity", since=day, amount=Decimal("0.40"))
    Price.objects.create(kind="api", name="Big", since=day, amount=Decimal(2), written=Decimal(10))
    took = tally(prompt=1_000, cached=0, written=100, joules=3_598.0)
    cost = Ledger().price(took)
    assert cost.watt_hours == pytest.approx(1.0)
    assert cost.electricity == pytest.approx(0.0004)
    assert dict(cost.api) == {"Big": pytest.approx((2_000 * 2 + 101 * 10) / 1e6)}
    row = answer(bob, took=took)
    assert row.answer is not None
    assert Ledger().costs([row.answer, uuid4()])[row.answer] == cost
    assert Ledger().price(tally(joules=None)).electricity is None


def test_months_sum_up_to_the_whole_and_show_nobody_alone(bob: User) -> None:
    many, few = team(5), team(2, "Board")
    helper = (uuid4(), "Legal")
    for user in many:
        answer(user, at=LAST, assistant=helper)
    for user in few:
        answer(user, at=LAST, took=tally(joules=None))
    answer(bob, at=LAST, private=True)
    lines = of_month(LAST)
    by = {
        name: [line for line in lines if line.by == name] for name in ("all", "group", "assistant")
    }
    whole = by["all"][0].figures
    assert whole.answers == 8 and whole.unmeasured == 2
    assert whole.tokens == 8 * (1_000 + 61)
    assert whole.watt_hours == pytest.approx(6 * 362 / 3_600)
    (others,) = by["group"]
    assert (others.key, others.figures.answers) == ("others", 8), "two, and one unknown: too few"
    assert [(line.name, line.figures.answers) for line in by["assistant"]] == [("", 8)]
    for user in team(5, "Works"):
        answer(user, at=LAST)
    shown = [(line.key == "others", line.name) for line in of_month(LAST) if line.by == "group"]
    assert len(shown) == 2 and shown[1] == (True, "")
    assert of_month(after(LAST)) == []


def test_nobody_is_what_two_groups_are_more_than_the_whole(bob: User) -> None:
    sales, works = team(9), team(5, "Works")
    Group.objects.get(name="Works").users.add(sales[0])
    for user in [*sales, *works]:
        answer(user, at=LAST)
    shown = {line.name: line.figures.answers for line in of_month(LAST) if line.by == "group"}
    assert shown == {"Sales": 8, "": 6}, "told as nine and six, both less fourteen were hers"
    for user in team(6, "Both"):
        Group.objects.get(name="Sales").users.add(user)
        answer(user, at=LAST)
    shown = {line.name: line.figures.answers for line in of_month(LAST) if line.by == "group"}
    assert shown == {"Sales": 14, "Both": 6, "": 6}, "enough people are in both"


def test_old_months_become_totals_that_say_the_same(bob: User) -> None:
    for user in [*team(6), *team(5, "Works")]:
        answer(user, at=LAST, assistant=(uuid4(), "Legal"))
    answer(bob, at=ago(3))
    shown = of_month(LAST)
    assert keeping.merge_old() == 11
    assert of_month(LAST) == shown
    assert Answered.objects.count() == 1 and not AnsweredGroup.objects.exists()
    names = str(list(MonthTotal.objects.values()))
    assert "Sales 1" not in names
    assert Entry.objects.get(action="usage.month.merge").data == {"rows": 11}
    assert keeping.merge_old() == 0
    answer(bob, at=LAST)  # a clock that was put back
    assert keeping.merge_old() == 1
    assert of_month(LAST) == shown


def test_a_hold_keeps_the_month_as_it_is(bob: User, alice: User) -> None:
    officer = people.make_user("Olga", is_compliance=True)
    answer(bob, at=LAST)
    answer(alice, at=before(LAST))
    hold = holds.place(officer, target="user", target_id=bob.pk, reference="case-1")
    assert keeping.merge_old() == 1
    holds.release(officer, hold.pk)
    assert keeping.merge_old() == 1


def test_nothing_is_merged_where_all_is_kept(bob: User, settings: object) -> None:
    settings.KEEP_USAGE_DAYS = 0  # type: ignore[attr-defined]
    answer(bob, at=LAST)
    assert keeping.merge_old() == 0


def test_who_leaves_leaves_figures_alone(bob: User) -> None:
    admin = people.make_user("Admin", is_admin=True)
    people.make_group("Sales", bob)
    row = answer(bob)
    delete_user(admin, bob)
    row.refresh_from_db()
    assert (row.user, row.answer) == (None, None) and not row.groups.exists()
    assert row.watt_hours > 0


def test_a_month_that_is_over_stands_whoever_leaves(bob: User) -> None:
    admin, this = people.make_user("Admin", is_admin=True), first_of(timezone.localdate())
    sales, works = team(5), team(6, "Works")
    for user in [*sales, *works]:
        answer(user, at=LAST, assistant=(Group.objects.get(name="Sales").pk, "Legal"))
        answer(user)
    shown = of_month(LAST)
    assert {line.name for line in shown if line.by == "group"} == {"Sales", "Works"}
    Group.objects.get(name="Sales").users.remove(sales[0])
    Group.objects.get(name="Works").delete()
    assert of_month(LAST) == shown
    for user in (sales[1], works[0]):
        delete_user(admin, user)
        assert of_month(LAST) == shown
    assert Answered.objects.filter(user=None, answer=None, groups=None).count() == 4
    months = set(MonthTotal.objects.values_list("month", flat=True))
    ended_meanwhile = {this} - {first_of(timezone.localdate())}
    assert months - ended_meanwhile == {LAST}, "this one goes on"
    keeping.merge_old()
    delete_user(admin, works[1])
    assert of_month(LAST) == shown


def test_a_person_takes_her_rows_along(bob: User, alice: User) -> None:
    answer(bob)
    answer(alice)
    answer(bob, private=True)
    with export(bob, bob) as file, zipfile.ZipFile(file) as archive:
        rows = json.loads(archive.read("usage.json"))
    assert len(rows) == 1 and rows[0]["prompt"] == 1_000 and rows[0]["known"] == "rapl"


def test_a_report_adds_months_up_at_their_prices(bob: User) -> None:
    Price.objects.create(kind="electricity", since=LAST, amount=Decimal("0.50"))
    Price.objects.create(kind="electricity", since=after(LAST), amount=Decimal("1.00"))
    Price.objects.create(kind="hardware", name="Box", since=LAST, amount=Decimal(600), months=60)
    Price.objects.create(kind="api", name="Big", since=LAST, amount=Decimal(1), written=Decimal(2))
    took = tally(prompt=500_000, cached=0, written=0, joules=3_600_000.0 - 2)
    answer(bob, at=LAST, took=took)
    answer(bob, at=after(LAST), took=took)
    found = report(LAST, after(LAST))
    assert [row.key for row in found.months] == [f"{LAST:%Y-%m}", f"{after(LAST):%Y-%m}"]
    assert found.total.figures.kwh == pytest.approx(2.0)
    assert found.total.money.electricity == pytest.approx(0.5 + 1.0)
    assert found.total.money.hardware == pytest.approx(20.0)
    assert found.total.money.api["Big"] == pytest.approx(2 * (1.0 + 2e-6))
    (model,) = found.parts["model"]
    assert model.name == "small-model"
    assert model.money.electricity == pytest.approx(1.5) and model.money.hardware is None
    assert len(report().months) == 13


def test_spans_are_put_in_order_and_bounded() -> None:
    today = timezone.localdate()
    found = report(date(1990, 1, 1), today)
    assert len(found.months) == 60
    key = report(date(2999, 1, 1), None).months[0].key
    assert f"{today:%Y-%m}" <= key <= f"{timezone.localdate():%Y-%m}"


def test_below_an_answer_stands_what_it_took(
    bob: User, handbook: Collection, client_for: Callable[[User | None], Client]
) -> None:
    Price.objects.create(kind="electricity", since=LAST, amount=Decimal("0.30"))
    Price.objects.create(kind="api", name="<Big>", since=LAST, amount=Decimal(3), written=0)
    message = start_answer(bob, question=QUESTION, collections=None)
    list(events_of(message, lambda: False))
    Answered.objects.update(known="rapl", watt_hours=0.12)
    page = client_for(bob).get(reverse("chat:message", args=[message.pk])).content.decode()
    assert "0.12 Wh, 0.0036 cents" in page
    assert "measured: processor" in page and "By &lt;Big&gt;" in page
    (done,) = [event for event in replay(message) if isinstance(event, Done)]
    assert (done.energy_wh, done.energy_by) == (0.12, "rapl")
    assert done.cost is not None and done.cost["electricity"] == pytest.approx(0.000036)
    Price.objects.all().delete()
    Answered.objects.update(known="none", watt_hours=0)
    page = client_for(bob).get(reverse("chat:message", args=[message.pk])).content.decode()
    assert "took" not in page, "what nobody knows is not told"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0.00 EUR"),
        (0.00004, "0.004 cents"),
        (0.0123, "0.01 EUR"),
        (1234.5, "1,234.50 EUR"),
        (None, "not known"),
    ],
)
def test_money_in_words(amount: float | None, said: str) -> None:
    assert words.money(amount) == said
    assert words.money(0.0004, "CHF") == "0.0004 CHF"


def test_energy_in_words() -> None:
    told = [words.energy(value) for value in (0, 0.01234, 12.3456, 999, 1_234_567)]
    assert told == ["0 Wh", "0.0123 Wh", "12.3 Wh", "999 Wh", "1,235 kWh"]


def test_answers_of_a_run_are_counted_as_such(bob: User, handbook: Collection) -> None:
    question = {"question": QUESTION, "history": []}
    write_answer(bob, question, [handbook.pk], {"model": ""}, stopped=lambda: False)
    row = Answered.objects.get()
    assert (row.way, row.user, row.generations) == ("evaluation", bob, 2)
