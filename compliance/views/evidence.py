"""The proof and the signed reports: made at the press of a button, kept, downloaded."""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.http import SignedInRequest, compliance_required
from accounts.models import User
from audit.problems import Problem
from compliance import prove as proving
from compliance.judge import PROBLEMS


@require_POST
@compliance_required
def prove(request: SignedInRequest) -> HttpResponse:
    """Try to break out of every process now; the answer comes when all have tried."""
    try:
        run(request.user)
    except Problem as problem:
        messages.error(request, str(problem.detail))
    if request.headers.get("HX-Request"):
        return render(request, "compliance/_proof.html", {"proof": shown_proof(), "fresh": True})
    return redirect(reverse("compliance:overview") + "#prove")


def run(officer: User) -> proving.Proof:
    """One proof. Raises Problem 409 `proof-running` while another is made."""
    with alone("prove.lock", "proof-running", _("A proof is being made. Wait for its end.")):
        return proving.prove(officer)


@contextmanager
def alone(name: str, code: str, detail: str) -> Iterator[None]:
    """One at a time, whichever process serves: what takes a minute is not for pressing twice."""
    folder = Path(settings.EVIDENCE_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(409, code, detail) from None
        yield
    finally:
        os.close(descriptor)


def shown_proof() -> dict[str, Any]:
    """The last proof for the page: each process with its counts and problems in words; {} without."""
    found = proving.last()
    if not found:
        return {}
    silent = [
        {"name": each.get("kind", ""), "problems": [_(PROBLEMS["silent"])]}
        for each in found.get("silent", [])
    ]
    layers = Counter(
        str(probe.get("layer", ""))
        for process in found.get("processes", [])
        for probe in process.get("probes", [])
        if probe.get("refused")
    )
    processes = [_process(each) for each in found.get("processes", [])]
    return {**found, "rows": processes, "quiet": silent, "layers": layers.most_common()}


def _process(found: Mapping[str, Any]) -> dict[str, Any]:
    probes = found.get("probes", [])
    return {
        "name": found.get("name", ""),
        "pid": found.get("pid"),
        "how": found.get("how", ""),
        "facts": found.get("facts", {}),
        "probes": probes,
        "refused": sum(1 for probe in probes if probe.get("refused")),
        "problems": [_(PROBLEMS[code]) for code in found.get("problems", []) if code in PROBLEMS],
    }
