"""What an officer sets off by hand: a proof, a report. One at a time, the schedule's own included."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.keys import KeyUnusable
from audit.problems import Problem
from audit.record import record
from compliance import pdf, signing
from compliance import prove as proving
from compliance import report as reporting
from compliance.prove import Proof
from compliance.signing import ReportFile

#: The lock that compliance/tasks.py takes as well.
LOCK = "proof.lock"


def run_proof(officer: User) -> Proof:
    """One proof. Raises Problem 409 `proof-running` while another is made."""
    with _alone():
        return proving.prove(officer)


def run_report(officer: User) -> ReportFile:
    """One proof and a signed report of it. Raises Problem `proof-running`, `key-unusable`."""
    with _alone():
        try:
            return reporting.make(officer)
        except KeyUnusable as error:
            raise key_unusable() from error


def find_report(identifier: str) -> ReportFile:
    """Raises Problem 404 `not-found`."""
    found = signing.find(identifier)
    if found is None:
        raise Problem(404, "not-found", _("There is no report with this id."))
    return found


def as_pdf(report: ReportFile) -> bytes:
    """A report as PDF, with the fingerprint of the key that signed it."""
    content = report.content()
    return pdf.render(content, str(content["installation"]), report.sha256)


def downloaded(officer: User, report: ReportFile, part: str) -> None:
    """Record that a report left the product. `part` is report, bill or pdf."""
    record(
        actions.REPORT_DOWNLOADED,
        actor=officer,
        target=("report", report.id),
        data={"number": report.number, "part": part, "sha256": report.sha256},
    )


def key_unusable() -> Problem:
    detail = _("The signing key cannot be read. Tell your administrator.")
    return Problem(503, "key-unusable", detail)


@contextmanager
def _alone() -> Iterator[None]:
    folder = Path(settings.EVIDENCE_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            detail = _("A proof is being made at this moment. Wait for its end.")
            raise Problem(409, "proof-running", detail) from None
        yield
    finally:
        os.close(descriptor)
