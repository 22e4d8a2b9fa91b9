"""The report: what was proved and what stands here now, signed, numbered, each naming the one before."""

import hashlib
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit import actions, checkpoints, keys, seal, verify
from audit import refused as refusals
from audit.models import Entry
from audit.record import Actor, record
from compliance import prove as proving
from compliance import report_parts as parts
from compliance import signing
from compliance.prove import Proof
from compliance.signing import ReportFile

#: How many of the reports before are listed by number and hash.
LISTED_BEFORE = 52


def make(actor: Actor | None = None, *, proof: Proof | None = None) -> ReportFile:
    """Prove (unless `proof` is given), gather, sign, write and record a report.

    EVIDENCE_DIR/reports/ID.json is the report, sbom-SHA256.json the bill of materials that it names.
    Raises KeyUnusable where the signing key cannot be used, OSError where the folder cannot.
    """
    # Late: its library takes 10 MB and half a second of each process that only lists reports.
    from compliance import sbom

    proof = proof or proving.prove(actor)
    refusals.collect()
    last = _last_entry()
    made_at = datetime.now(UTC)
    identifier = f"{made_at:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
    bill = sbom.bill()
    report = {
        "kind": "sovereign-report",
        "version": 1,
        "id": identifier,
        "made_at": made_at.isoformat(timespec="seconds"),
        "made_by": str(actor.pk) if actor else "",
        "installation": keys.fingerprint(),
        **_chained(last),
        **_contents(proof, last.pk if last else 0, sbom.summary(bill)),
    }
    report["ok"] = bool(proof.ok and report["record"]["ok"])
    _save_bill(bill)
    path = signing.save(f"{identifier}.json", signing.signed(report))
    made = signing.find(identifier)
    assert made is not None, path  # noqa: S101 (it was written a line above)
    _record(made, actor)
    return made


def listed() -> list[ReportFile]:
    """The reports that lie here, the newest first."""
    return signing.saved()


def newest() -> ReportFile | None:
    return next(iter(signing.saved()), None)


def bill_of(report: ReportFile) -> Path:
    """The bill of materials that belongs to a report."""
    return _bill(report.content()["dependencies"]["sha256"])


def _bill(sha256: str) -> Path:
    return signing.folder() / f"sbom-{sha256}.json"


def _save_bill(content: bytes) -> None:
    """Once: while nothing is installed anew, all reports name the same one."""
    name = _bill(hashlib.sha256(content).hexdigest())
    if not name.exists():
        signing.save(name.name, content)


def _contents(proof: Proof, after: int, bill: dict[str, Any]) -> dict[str, Any]:
    """The sections. The record comes last: what the others wrote into it is sealed by then."""
    found = {
        "proof": proof.as_dict(),
        "wall": parts.wall(),
        "refused": parts.refused(after),
        "code": parts.code(),
        "models": parts.models(),
        "dependencies": bill | {"advisories": parts.lived_with()},
        "settings": parts.settings_in_force(),
        "retention": parts.kept(),
    }
    seal.seal()
    checkpoints.write()
    return found | {"record": parts.record_state(verify.verify())}


def _chained(last: Entry | None) -> dict[str, Any]:
    """Number and predecessor: by the record, which keeps them when a file is taken away."""
    there = {each.number: each for each in listed()}
    number = max(there, default=0)
    previous = (number, there[number].id, there[number].sha256) if there else None
    if last and int(last.data["number"]) >= number:
        previous = (int(last.data["number"]), last.target_id, str(last.data["sha256"]))
    before = sorted(there, reverse=True)[:LISTED_BEFORE]
    return {
        "number": (previous[0] if previous else 0) + 1,
        "previous": dict(zip(("number", "id", "sha256"), previous, strict=True))
        if previous
        else None,
        "before": [{"number": each, "sha256": there[each].sha256} for each in before],
    }


def _last_entry() -> Entry | None:
    return Entry.objects.filter(action=actions.REPORT_MADE).order_by("-id").first()


def _record(made: ReportFile, actor: Actor | None) -> None:
    """With a hash of the file: the chain, too, says which report was made."""
    record(
        actions.REPORT_MADE,
        actor=actor,
        target=("report", made.id),
        data={
            "number": made.number,
            "sha256": made.sha256,
            "ok": made.ok,
            "bill_sha256": made.content()["dependencies"]["sha256"],
            "key": keys.fingerprint(),
        },
    )
    seal.seal()
    checkpoints.write()
