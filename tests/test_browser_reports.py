"""What browsers refused arrives in the record: summed, bounded, and without a word of anybody's."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from audit import actions
from audit.models import Entry
from sovereign import browser_reports
from sovereign.browser_reports import ALL, EACH, MOST_BYTES, MOST_ENTRIES, MOST_WAITING, Window
from sovereign.tasks import collect_browser_reports
from tests import people

pytestmark = pytest.mark.django_db

PAGE = f"http://testserver/collections/00000000-0000-4000-8000-000000000001?q={people.CANARY}"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    monkeypatch.setattr(browser_reports, "window", Window(EACH, ALL))
    return tmp_path / "evidence"


def old(
    page: str = PAGE, blocked: str = "https://evil.invalid/a", directive: str = "img-src"
) -> Any:
    """The body that report-uri sends."""
    return {
        "csp-report": {
            "document-uri": page,
            "blocked-uri": blocked,
            "effective-directive": directive,
            "violated-directive": f"{directive} 'self'",
            "original-policy": "default-src 'none'",
            "script-sample": people.CANARY,
            "referrer": f"http://testserver/{people.CANARY}",
        }
    }


def new(
    page: str = PAGE, blocked: str = "https://evil.invalid/a", directive: str = "img-src"
) -> Any:
    """One report of the body that report-to sends."""
    body = {
        "documentURL": page,
        "blockedURL": blocked,
        "effectiveDirective": directive,
        "sample": people.CANARY,
        "disposition": "enforce",
    }
    return {"type": "csp-violation", "age": 10, "url": page, "user_agent": "x", "body": body}


def send(body: Any, kind: str = "application/csp-report", **more: Any) -> None:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/browser-reports", data, content_type=kind, **more)
    assert (answer.status_code, answer.content) == (204, b"")


def recorded() -> list[dict[str, Any]]:
    collect_browser_reports()
    entries = Entry.objects.filter(action=actions.BROWSER_REFUSED).order_by("pk")
    return [entry.data for entry in entries]


def test_both_forms_are_summed_into_one_entry(folder: Path) -> None:
    send(old())
    send(
        [new(), new(), new(directive="script-src-elem", blocked="inline")],
        "application/reports+json",
    )
    images, scripts = recorded()
    assert images == {
        "directive": "img-src",
        "page": "/collections/<uuid:pk>",
        "kind": "https",
        "origin": images["origin"],
        "count": 3,
    }
    assert len(images["origin"]) == 16
    assert (scripts["directive"], scripts["kind"], scripts["count"]) == (
        "script-src-elem",
        "inline",
        1,
    )


def test_nothing_that_was_sent_is_kept(folder: Path) -> None:
    send(old(blocked=f"https://{people.CANARY}.invalid/", directive=people.CANARY))
    send([new(blocked=people.CANARY, directive=f"img-src {people.CANARY}")])
    kept = (folder / "browser.jsonl").read_text() + json.dumps(recorded())
    # Of the page's id something that no hash of an origin can hold by chance.
    assert people.CANARY not in kept and "evil" not in kept and "-4000-8000-" not in kept


def test_a_one_time_link_does_not_come_into_the_record() -> None:
    send(old(page="http://testserver/accounts/link/s3cret-of-a-link/"))
    [entry] = recorded()
    assert entry["page"] == "/accounts/link/<str:secret>/"


def test_a_page_that_is_not_there_has_no_pattern() -> None:
    send(old(page=f"http://testserver/{people.CANARY}"))
    [entry] = recorded()
    assert entry["page"] == ""


@pytest.mark.parametrize(
    ("blocked", "kind"),
    [
        ("inline", "inline"), ("eval", "eval"), ("data", "data"), ("data:text/html,x", "data"),
        ("trusted-types-sink", "trusted-types-sink"), ("http://testserver/other", "self"),
        ("wss://evil.invalid", "wss"), ("ftp://evil.invalid", "other"), ("", "other"), ("about", "other"),
    ],
)  # fmt: skip
def test_what_was_refused_is_told_by_its_kind(blocked: str, kind: str) -> None:
    send(old(blocked=blocked))
    [entry] = recorded()
    assert entry["kind"] == kind
    assert bool(entry["origin"]) == ("evil" in blocked)


@pytest.mark.parametrize(
    "page",
    [
        "http://elsewhere.invalid/",
        "http://testserver:81/",
        "",
        "http://[",
    ],
)
def test_a_report_about_no_page_of_ours_is_left_out(page: str, folder: Path) -> None:
    send(old(page=page))
    assert recorded() == [] and not folder.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe", b"[" * 50_000, b"null", b"3", b"[1, null, {}]", b'{"csp-report": 3}',
        b'{"csp-report": {}}', b'[{"type": "csp-violation", "body": []}]', b'[{"type": "deprecation"}]',
        b'{"csp-report": {"document-uri": {}, "blocked-uri": [], "effective-directive": 1}}',
    ],
)  # fmt: skip
def test_what_is_no_report_is_left_out(body: bytes) -> None:
    send(body)
    assert recorded() == []


def test_a_body_that_is_too_large_is_not_read(folder: Path) -> None:
    send(json.dumps(old()) + " " * MOST_BYTES)
    assert recorded() == [] and not folder.exists()


def test_one_sender_cannot_fill_it() -> None:
    for _ in range(EACH + 10):
        send(old())
    [entry] = recorded()
    assert entry["count"] == EACH


def test_many_senders_cannot_fill_it() -> None:
    for sender in range(ALL // 10 + 10):
        send([new() for _ in range(10)], REMOTE_ADDR=f"192.0.2.{sender}")
    [entry] = recorded()
    assert entry["count"] == ALL


def test_the_window_forgets() -> None:
    window = Window(each=1, everybody=2)
    assert [window.take(sender, now) for sender, now in [("a", 0), ("a", 1), ("b", 2), ("c", 3)]] == [
        True, False, True, False,
    ]  # fmt: skip
    assert window.take("a", 61) and not window.take("c", 61.5) and window.take("c", 63)


def test_what_waits_is_bounded(folder: Path) -> None:
    folder.mkdir()
    (folder / "browser.jsonl").write_bytes(b" " * MOST_WAITING)
    send(old())
    assert (folder / "browser.jsonl").stat().st_size == MOST_WAITING


def test_entries_of_one_collection_are_bounded(folder: Path) -> None:
    folder.mkdir()
    lines = [json.dumps(["img-src", "", "https", f"{n:016x}", 2]) for n in range(MOST_ENTRIES + 5)]
    (folder / "browser.jsonl").write_text("\n".join(lines) + '\n["img-src", "cut o')
    entries = recorded()
    assert len(entries) == MOST_ENTRIES + 1
    assert (entries[-1]["directive"], entries[-1]["count"]) == ("several", 10)


def test_what_a_crash_left_is_collected(folder: Path) -> None:
    folder.mkdir()
    (folder / "browser.taken").write_text('["img-src", "", "data", "", 4]\n')
    send(old())
    assert [entry["count"] for entry in recorded()] == [4]
    assert [entry["count"] for entry in recorded()] == [4, 1]


def test_a_page_of_ours_names_the_address() -> None:
    answer = Client().get("/accounts/sign-in/")
    assert "report-uri /browser-reports" in answer["Content-Security-Policy"]
    assert "Reporting-Endpoints" not in answer


def test_behind_https_the_newer_form_is_asked_for(settings: Any) -> None:
    settings.HTTPS = True
    answer = Client().get("/accounts/sign-in/")
    assert answer["Reporting-Endpoints"] == 'browser="/browser-reports"'


@pytest.mark.parametrize(
    "line",
    [b"5", b"null", b"[[],[],[],[],1]", b'["a","b","c","d",1e999]', b"[" * 100_000, b"\xff\xfe",
     b'["img-src","","data","",9007199254740993]', b'["img-src","","data","","x"]',
     b'["img-src","","data","",-3]', b'["img-src","","data","",true]',
     b'["img-src","the text of a question","data","",1]', b'["img-src","","secret","",1]',
     b'["x","","data","",1]', b'["img-src","","https","evil.invalid",1]'],
    ids=lambda line: repr(line[:30]),
)  # fmt: skip
def test_what_a_process_forged_stops_nothing_and_brings_no_words(folder: Path, line: bytes) -> None:
    """Every process of ours can write to the file, those that were taken over too."""
    folder.mkdir()
    (folder / "browser.jsonl").write_bytes(line + b'\n["img-src", "", "data", "", 4]\n')
    assert [entry["count"] for entry in recorded()] == [4]
    assert not list(folder.iterdir())


def test_a_link_in_place_of_what_waits_is_not_read(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "elsewhere").write_text('["img-src", "", "data", "", 4]\n')
    (folder / "browser.jsonl").symlink_to(tmp_path / "elsewhere")
    assert recorded() == []
    assert (tmp_path / "elsewhere").exists()
