"""Who asks in the compliance tests."""

from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import uuid4

from django.test import Client

from accounts.models import User
from audit import keys
from compliance import report as reporting
from compliance import signing
from compliance.prove import Proof
from compliance.signing import ReportFile
from tests import people

ClientFor = Callable[[User | None], Client]


@cache
def _content() -> dict[str, Any]:
    """What a report says, made once for the whole run: it takes a second."""
    nothing = Proof(at="2026-01-01T00:00:00+00:00", wall="", processes=[])
    return reporting.make(proof=nothing).content()


def make_report() -> ReportFile:
    """A signed report with a bill of materials, as if it had been made before."""
    identifier = f"20260101T000000Z-{uuid4().hex[:8]}"
    report = _content() | {"id": identifier, "installation": keys.fingerprint()}
    signing.save(f"{identifier}.json", signing.signed(report))
    found = signing.find(identifier)
    assert found is not None
    reporting.bill_of(found).write_bytes(b"{}")
    return found


def make_officer(name: str = "Olga") -> User:
    """A compliance officer without grants."""
    return people.make_user(name, is_compliance=True)
