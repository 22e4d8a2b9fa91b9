"""What browsers refused: their reports of our content policy, into the record.

Anybody may send here, so nothing that is sent is kept: of a report stay one of the known directives,
one of our own addresses (its pattern, which holds no id, no secret and no words), what kind of
thing was refused, the hash of a foreign origin, and how often. Reports are counted in memory,
appended to EVIDENCE_DIR/browser.jsonl within the bounds below, and summed into the record by
collect(). Both forms are read: `application/csp-report` (CSP level 2, report-uri) and
`application/reports+json` (Reporting API, report-to).
"""

import hashlib
import json
import os
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, URLResolver, get_resolver, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audit import actions
from audit.record import record
from wall import ownfiles

#: Bytes of one call, reports in it: Chromium sends up to about a minute's at once.
MOST_BYTES = 64 * 1024
MOST_REPORTS = 50
#: Reports a minute: of one address, of all. What is more is counted and not looked at.
EACH, ALL = 60, 300
WINDOW = 60.0
#: Bytes that wait for the record; above, reports are dropped.
MOST_WAITING = 1 << 20
#: Different entries of one collection; the rest is summed into one.
MOST_ENTRIES = 50

DIRECTIVES = {
    "default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem",
    "style-src-attr", "img-src", "font-src", "connect-src", "manifest-src", "media-src", "object-src",
    "frame-src", "child-src", "worker-src", "form-action", "frame-ancestors", "base-uri", "sandbox",
    "require-trusted-types-for", "trusted-types",
}  # fmt: skip
#: What a browser writes instead of an address.
KINDS = {
    "inline", "eval", "wasm-eval", "self", "data", "blob", "trusted-types-policy", "trusted-types-sink",
}  # fmt: skip

#: (directive, page, kind, hash of the origin)
Refusal = tuple[str, str, str, str]


class Window:
    """At most `each` for one sender and `all` for everybody in the last minute. For threads."""

    def __init__(self, each: int, everybody: int) -> None:
        self._each, self._all = each, everybody
        self._seen: deque[tuple[float, str]] = deque()
        self._senders: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, sender: str, now: float) -> bool:
        with self._lock:
            while self._seen and self._seen[0][0] < now - WINDOW:
                gone = self._seen.popleft()[1]
                self._senders[gone] -= 1
                if self._senders[gone] <= 0:
                    del self._senders[gone]
            if len(self._seen) >= self._all or self._senders[sender] >= self._each:
                return False
            self._seen.append((now, sender))
            self._senders[sender] += 1
            return True


window = Window(EACH, ALL)


@csrf_exempt  # browsers send reports without a token; nothing of the caller's is changed here
@login_not_required
@require_POST
def browser_reports(request: HttpRequest) -> HttpResponse:
    """Always 204: who sends learns nothing, and nothing is worth sending again."""
    if _length(request) <= MOST_BYTES:
        taken = Counter(_taken(request))
        if taken:
            _append(taken)
    return HttpResponse(status=204)


def _length(request: HttpRequest) -> int:
    value = request.headers.get("Content-Length", "")
    return int(value) if value.isdecimal() else MOST_BYTES + 1


def _taken(request: HttpRequest) -> Iterator[Refusal]:
    sender = request.META.get("REMOTE_ADDR", "")
    for violation in _violations(request)[:MOST_REPORTS]:
        if not window.take(sender, monotonic()):
            return
        refusal = _refusal(violation, request.get_host())
        if refusal is not None:
            yield refusal


def _violations(request: HttpRequest) -> list[dict[str, Any]]:
    """The violations in the body, with the names of the Reporting API; [] for anything else."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return []
    if isinstance(body, dict) and isinstance(old := body.get("csp-report"), dict):
        return [
            {
                "documentURL": old.get("document-uri"),
                "blockedURL": old.get("blocked-uri"),
                "effectiveDirective": old.get("effective-directive")
                or old.get("violated-directive"),
            }
        ]
    reports = body if isinstance(body, list) else []
    return [
        report["body"]
        for report in reports
        if isinstance(report, dict)
        and report.get("type") == "csp-violation"
        and isinstance(report.get("body"), dict)
    ]


def _refusal(violation: dict[str, Any], host: str) -> Refusal | None:
    """What is kept of one violation; None where it is not about a page of ours."""
    values = [violation.get(n) for n in ("documentURL", "blockedURL", "effectiveDirective")]
    page, blocked, directive = (value if isinstance(value, str) else "" for value in values)
    try:
        address, target = urlsplit(page), urlsplit(blocked)
    except ValueError:
        return None
    if address.netloc != host:
        return None
    word = (directive.split() or [""])[0]
    kind, origin = _kind(blocked, target.scheme, target.netloc, host)
    return word if word in DIRECTIVES else "other", _route(address.path), kind, origin


def _route(path: str) -> str:
    """The pattern of an address of ours; "" where there is none, such as on a page that says 404."""
    try:
        return f"/{resolve(path).route}"
    except Resolver404:
        return ""


def _kind(blocked: str, scheme: str, netloc: str, host: str) -> tuple[str, str]:
    if blocked in KINDS or scheme in ("data", "blob"):
        return (blocked if blocked in KINDS else scheme), ""
    if netloc == host:
        return "self", ""
    if not netloc:
        return "other", ""
    kind = scheme if scheme in ("http", "https", "ws", "wss") else "other"
    origin = f"{scheme}://{netloc}".encode(errors="replace")
    return kind, hashlib.sha256(origin).hexdigest()[:16]


def spool() -> Path:
    return Path(settings.EVIDENCE_DIR) / "browser.jsonl"


def _append(taken: "Counter[Refusal]") -> None:
    """One line for each kind of refusal; lines of one write stay together (O_APPEND)."""
    lines = "".join(json.dumps([*key, count]) + "\n" for key, count in taken.items()).encode()
    file = spool()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size + len(lines) <= MOST_WAITING:
            os.write(descriptor, lines)
    finally:
        os.close(descriptor)


def collect() -> int:
    """Move what waits into the record, summed. Returns how many refusals it was.

    A crash between writing and removing counts some twice, never none.
    """
    taken = spool().with_suffix(".taken")
    if not taken.exists():
        try:
            spool().rename(taken)
        except FileNotFoundError:
            return 0
    counts = _read(taken)
    for (directive, page, kind, origin), count in _bounded(counts):
        data = {"directive": directive, "page": page, "kind": kind, "origin": origin}
        record(actions.BROWSER_REFUSED, data=data | {"count": count})
    with suppress(OSError):
        taken.unlink()
    return counts.total()


def _read(file: Path) -> "Counter[Refusal]":
    counts: Counter[Refusal] = Counter()
    try:
        with os.fdopen(ownfiles.opened(file, os.O_RDONLY), "rb") as opened:
            lines = opened.read(MOST_WAITING).splitlines()
    except OSError:
        return counts  # a link: no process of ours makes one
    for line in lines:
        try:
            *key, count = json.loads(line)
            if _is_ours(key, count):
                counts[key[0], key[1], key[2], key[3]] += count
        except (ValueError, TypeError, RecursionError):
            continue  # cut off by a full disk, or forged
    return counts


def _is_ours(key: list[Any], count: Any) -> bool:
    """Whether _taken() could have written this: each process of ours, one that was taken over
    as well, can write to the file, and nobody's words may get into the record by it."""
    if len(key) != 4 or type(count) is not int or not 0 < count <= MOST_WAITING:
        return False
    directive, page, kind, origin = key
    return (
        directive in DIRECTIVES | {"other"}
        and (not page or page in _routes())
        and kind in KINDS | {"other", "http", "https", "ws", "wss"}
        and re.fullmatch(r"(?:[0-9a-f]{16})?", origin) is not None
    )


@cache
def _routes() -> frozenset[str]:
    """All patterns of our addresses, as _route() writes them."""

    def below(resolver: URLResolver, before: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            here = str(each.pattern)
            route = before + (here.removeprefix("^") if before else here)
            if isinstance(each, URLResolver):
                yield from below(each, route)
            else:
                yield f"/{route}"

    return frozenset(below(get_resolver(), ""))


def _bounded(counts: "Counter[Refusal]") -> Iterator[tuple[Refusal, int]]:
    ranked = counts.most_common()
    yield from ranked[:MOST_ENTRIES]
    if rest := sum(count for _, count in ranked[MOST_ENTRIES:]):
        yield ("several", "", "", ""), rest
