"""Who asks in the compliance tests."""

from collections.abc import Callable
from uuid import uuid4

from django.test import Client

from accounts.models import User
from compliance import signing
from compliance.report import bill_of
from compliance.signing import ReportFile
from tests import people

ClientFor = Callable[[User | None], Client]


def make_report() -> ReportFile:
    """A small signed report with its bill of materials, as if it had been made before."""
    identifier = f"20260101T000000Z-{uuid4().hex[:8]}"
    report = {
        "id": identifier,
        "number": 1,
        "made_at": "2026-01-01T00:00:00+00:00",
        "ok": True,
        "proof": {},
        "dependencies": {"sha256": "0" * 64},
    }
    signing.save(f"{identifier}.json", signing.signed(report))
    found = signing.find(identifier)
    assert found is not None
    bill_of(found).write_bytes(b"{}")
    return found


def make_officer(name: str = "Olga") -> User:
    """A compliance officer without grants."""
    return people.make_user(name, is_compliance=True)
