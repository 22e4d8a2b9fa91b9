"""The officer's pages: the record with filters, one entry, its days as charts."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit import actions, checkpoints, keys
from audit.models import Entry
from audit.record import record
from audit.seal import seal
from compliance import timeline, words
from compliance.entries import shown
from compliance.views.overview import VERIFIER
from ingest.models import Collection
from tests import people
from tests.compliance.people import ClientFor, make_officer, make_report

URL = "/compliance/record"


@pytest.fixture
def olga(db: None) -> User:
    return make_officer()


@pytest.fixture
def client(olga: User, client_for: ClientFor) -> Client:
    return client_for(olga)


def listed(client: Client, **filters: str) -> list[str]:
    page = client.get(URL, filters)
    assert page.status_code == 200
    return [row.entry.action for row in page.context["rows"]]


# --- words --------------------------------------------------------------------------------------
def test_every_action_has_words_and_a_kind() -> None:
    known = {value for name, value in vars(actions).items() if name.isupper()}
    assert known == words.LABELS.keys()
    assert {kind for kind, _label in words.LABELS.values()} == words.KINDS.keys()


def test_a_retired_action_is_shown_by_its_name() -> None:
    assert words.label("old.thing.do") == "old.thing.do"


# --- the list -----------------------------------------------------------------------------------
def test_the_list_says_who_did_what_to_what(
    client: Client, bob: User, collection: Collection
) -> None:
    record(actions.COLLECTION_CHANGED, actor=bob, target=("collection", collection.pk))
    text = client.get(URL).content.decode()
    assert "Collection changed" in text and "bob@example.com" in text and "Handbook" in text


def test_filters(client: Client, bob: User, erin: User) -> None:
    key = uuid4()
    record(actions.DOCUMENT_READY, target=("document", key))
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", key))
    record(actions.GROUP_CREATED, actor=erin, target=("group", uuid4()))
    assert listed(client, action=actions.GROUP_CREATED) == [actions.GROUP_CREATED]
    assert listed(client, actor="BOB@example.com") == [actions.DOCUMENT_DOWNLOADED]
    assert listed(client, actor=str(erin.pk)) == [actions.GROUP_CREATED]
    assert listed(client, actor="system") == [actions.DOCUMENT_READY]
    assert listed(client, target=str(key)) == [actions.DOCUMENT_DOWNLOADED, actions.DOCUMENT_READY]
    assert listed(client, target=f"document:{key}", actor="system") == [actions.DOCUMENT_READY]


def test_days_are_whole(client: Client) -> None:
    entry = record(actions.STARTED)
    day = timezone.localdate(entry.at).isoformat()
    before = (timezone.localdate(entry.at) - timedelta(days=1)).isoformat()
    assert actions.STARTED in listed(client, since=day, until=day)
    assert actions.STARTED not in listed(client, until=before)


def test_pages_go_back_in_time_without_gaps(client: Client) -> None:
    for _ in range(120):
        record(actions.STARTED)
    seen: list[object] = []
    cursor = ""
    while True:
        page = client.get(URL, {"action": actions.STARTED, "cursor": cursor})
        seen += [row.entry.pk for row in page.context["rows"]]
        cursor = page.context["following"] or ""
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    "wrong",
    [
        {"actor": "nobody@example.com"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"action": "no.such.thing"},
        {"target": "a\x00b"},
        {"actor": "x" * 300},
    ],
)
def test_wrong_filters_are_said_at_the_field(client: Client, wrong: dict[str, str]) -> None:
    page = client.get(URL, wrong)
    assert page.status_code == 422 and b"errorlist" in page.content
    assert not page.context["rows"]


def test_a_bad_cursor_is_the_first_page(client: Client) -> None:
    record(actions.STARTED)
    for cursor in ("x", "!", "a" * 400):
        assert actions.STARTED in listed(client, cursor=cursor)


def test_a_look_is_recorded_without_the_e_mail(client: Client, olga: User, bob: User) -> None:
    client.get(URL, {"actor": "bob@example.com", "since": "2020-01-01"})
    entry = Entry.objects.get(action=actions.RECORD_READ)
    assert entry.actor == str(olga.pk)
    assert entry.data["actor"] == str(bob.pk) and entry.data["what"] == "list"
    assert "@" not in str(entry.data)


def test_names_of_many_rows_take_few_queries(
    bob: User, collection: Collection, django_assert_max_num_queries: object
) -> None:
    rows = [
        record(actions.COLLECTION_CHANGED, actor=bob, target=("collection", collection.pk))
        for _ in range(20)
    ]
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        assert {row.target for row in shown(rows)} == {"Handbook"}


# --- one entry ----------------------------------------------------------------------------------
def test_an_entry_shows_all_that_was_noted(client: Client, bob: User) -> None:
    entry = record(
        actions.ANSWERED, actor=bob, target=("answer", uuid4()), data={"documents": ["<b>x"]}
    )
    text = client.get(f"{URL}/{entry.uuid}").content.decode()
    assert "&lt;b&gt;x" in text and "<b>x" not in text
    assert str(entry.uuid) in text and entry.target_id in text


def test_no_such_entry(client: Client) -> None:
    assert client.get(f"{URL}/{uuid4()}").status_code == 404


# --- is it intact? ------------------------------------------------------------------------------
def test_the_check_says_up_to_where(client: Client, olga: User) -> None:
    seal()
    checkpoints.write()
    page = client.post(f"{URL}/verify").content.decode()
    assert "The record is intact up to entry" in page and "<html" in page
    assert Entry.objects.get(action=actions.RECORD_VERIFIED).actor == str(olga.pk)


def test_htmx_gets_the_verdict_alone(client: Client) -> None:
    page = client.post(f"{URL}/verify", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page and "notice" in page


def test_faults_are_named(client: Client) -> None:
    record(actions.STARTED)
    seal()
    checkpoints.write()
    checkpoints.head_file().write_text("{}")
    page = client.post(f"{URL}/verify").content.decode()
    assert "fault was found" in page and "checkpoint-changed" in page
    overview = client.get("/compliance/").content.decode()
    assert "found faults" in overview and "not as it should be" in overview


# --- export -------------------------------------------------------------------------------------
def test_what_is_filtered_is_exported(client: Client, olga: User, bob: User) -> None:
    record(actions.GROUP_CREATED, actor=bob, target=("group", uuid4()))
    record(actions.STARTED)
    page = client.get(URL, {"actor": "bob@example.com"}).content.decode()
    assert 'name="actor" value="bob@example.com"' in page and "Export what is filtered" in page
    answer = client.post(f"{URL}/export", {"actor": "bob@example.com", "format": "csv"})
    rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(rows) == 2 and actions.GROUP_CREATED in rows[1]
    entry = Entry.objects.get(action=actions.RECORD_EXPORTED)
    assert entry.actor == str(olga.pk) and entry.data["actor"] == str(bob.pk)
    assert "@" not in str(entry.data)


@pytest.mark.parametrize(
    "wrong", [{"format": "xml"}, {}, {"format": "csv", "actor": "no@such.one"}]
)
def test_a_wrong_export_is_none(client: Client, wrong: dict[str, str]) -> None:
    assert client.post(f"{URL}/export", wrong).status_code == 302
    assert not Entry.objects.filter(action=actions.RECORD_EXPORTED).exists()


# --- proof and reports --------------------------------------------------------------------------
def test_without_a_proof_the_page_says_so(client: Client) -> None:
    text = client.get("/compliance/").content.decode()
    assert "There is no proof yet" in text and "There is no report yet" in text


def test_prove_now(client: Client) -> None:
    assert client.post("/compliance/prove").status_code == 302
    text = client.get("/compliance/").content.decode()
    assert "attempts were refused" in text and "parser" in text
    fragment = client.post("/compliance/prove", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment and "just now" in fragment


def test_a_report_is_made_and_shown(client: Client) -> None:
    address = client.post("/compliance/reports")["Location"]
    text = client.get(address).content.decode()
    for word in ("Report 1", "The wall", "Settings in force", "chromadb", keys.fingerprint()):
        assert word in text, word
    again = client.post("/compliance/reports", headers={"HX-Request": "true"}).content.decode()
    assert "Report 2 is made and signed" in again and "<html" not in again


def test_a_report_is_downloaded_byte_for_byte(client: Client) -> None:
    made = make_report()
    answer = client.get(f"/compliance/reports/{made.id}/file")
    assert answer.content == made.path.read_bytes()
    assert answer["Content-Disposition"] == f'attachment; filename="{made.id}.json"'
    assert Entry.objects.get(action=actions.REPORT_DOWNLOADED).target_id == made.id


def test_the_verifier_and_the_key_are_there_to_take(client: Client) -> None:
    assert client.get("/compliance/verify_report.py").content == VERIFIER.read_bytes()
    assert client.get("/compliance/key.pem").content == keys.public_pem().encode()
    page = client.get("/compliance/fingerprint").content.decode()
    assert keys.fingerprint() in page.replace(" ", "") and "PRIVATE" not in page


def test_no_such_report(client: Client) -> None:
    assert client.get("/compliance/reports/nothing").status_code == 404


# --- the timeline -------------------------------------------------------------------------------
def test_counts_by_day_and_action(db: None) -> None:
    newer = record(actions.STARTED)
    older = Entry.objects.create(action=actions.STARTED, at=newer.at - timedelta(days=3))
    found = timeline.counts(7)
    today = next(reversed(found))
    # A midnight may have come between an entry and the question.
    assert timezone.localdate(newer.at) <= today <= timezone.localdate()
    assert list(found) == [today - timedelta(days=back) for back in reversed(range(7))]
    there = {timezone.localdate(each.at) for each in (newer, older)}
    assert there <= found.keys()
    assert all(row[actions.STARTED] == (day in there) for day, row in found.items())


def test_refused_connections_are_summed_without_those_of_proofs(db: None) -> None:
    record(actions.EGRESS_REFUSED, data={"event": "connect", "times": 5})
    record(actions.EGRESS_REFUSED, data={"event": "connect", "times": 2})
    record(actions.EGRESS_REFUSED, data={"event": "proof", "times": 40})
    (chart,) = [chart for chart in timeline.charts(7) if chart.key == "refused"]
    assert chart.total == 7


def test_bars_stay_inside_the_drawing(db: None) -> None:
    for action in words.LABELS:
        record(action)
    for _ in range(500):
        record(actions.ANSWERED)
    for chart in timeline.charts(365):
        for bar in chart.bars:
            assert bar.y >= 0 and bar.y + bar.height <= chart.height + 0.01
            assert bar.x >= 0 and bar.x + bar.width <= chart.width


def test_the_charts_say_the_same_in_words_and_in_a_table(client: Client) -> None:
    for _ in range(3):
        record(actions.SIGN_IN_FAILED, data={"email_hash": "x"})
    text = client.get("/compliance/timeline").content.decode()
    assert "3 failed sign-ins; most on" in text and "None in the last 30 days." in text
    assert text.count("<svg") == 2 and "<caption" in text


def test_drawings_need_no_inline_style_or_script(client: Client) -> None:
    record(actions.STARTED)
    text = client.get("/compliance/timeline", {"days": "365"}).content.decode()
    body = text.split("<main")[1]
    assert not re.search(r"\sstyle=|<script|<style|\son\w+=", body)


@pytest.mark.parametrize("days", ["", "0", "-1", "abc", "100000"])
def test_an_odd_span_is_thirty_days(client: Client, days: str) -> None:
    assert client.get("/compliance/timeline", {"days": days}).context["days"] == 30


# --- who may ------------------------------------------------------------------------------------
def test_nobody_else_may_look(bob: User, admin: User, client_for: ClientFor) -> None:
    entry = record(actions.STARTED)
    for address in (URL, f"{URL}/{entry.uuid}", "/compliance/timeline", "/compliance/"):
        for user in (bob, admin):
            assert client_for(user).get(address).status_code == 403
        assert client_for(None).get(address).status_code == 302
    assert not Entry.objects.filter(action=actions.RECORD_READ).exists()


def test_names_are_escaped(client: Client, bob: User) -> None:
    evil = '<script>alert(1)</script>"onload="x'
    group = people.make_group(evil, bob)
    record(actions.GROUP_CHANGED, actor=bob, target=("group", group.pk))
    content = client.get(URL).content
    assert b"<script>alert" not in content and b'"onload=' not in content
