"""The sections of a report, each a plain JSON object: whole numbers, text, lists. No content of anybody."""

import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation

from audit import actions
from audit.models import Entry
from audit.verify import Verdict
from compliance import advisories, retention, sources, standing
from compliance.state_wall import HOLDS, NOT_COVERED
from inference.choose import in_use
from inference.model import Model, read_json
from inference.registry import Registry
from ingest import holds
from wall import status

#: Groups of refusals that a report lists; the rest is summed. The record has all.
MOST_GROUPS = 100
MOST_FAULTS = 100


def wall() -> dict[str, Any]:
    """Which wall holds, why, and what it does not cover, in codes and in English sentences."""
    found = status.read(Path(settings.RUN_DIR))
    if found is None:
        return {"wall": "", "sentence": "No launcher says which wall holds.", "gates": []}
    with translation.override("en"):
        sentence = str(HOLDS[found.wall][1]) if found.wall in HOLDS else ""
        uncovered = [str(words) for words in NOT_COVERED.get(found.wall, ())]
    return {
        "wall": found.wall,
        "sentence": sentence,
        "not_covered": uncovered,
        "why": [{"code": code, "sentence": status.WHY.get(code, "")} for code in found.why],
        "required": str(settings.REQUIRE_WALL),
        "namespaces": dict(found.namespaces),
        "hidden": list(found.hidden),
        "listening": dict(found.listening),
        "landlock_abi": found.landlock_abi,
        "seccomp": found.seccomp,
        "since": found.at,
        "gates": [_gate(gate) for gate in found.gates],
    }


def _gate(gate: status.Gate) -> dict[str, Any]:
    counted = read_json(Path(settings.RUN_DIR) / "gates" / f"{gate['name']}.json")
    numbers = ("connections", "open", "bytes_out", "bytes_in", "failed")
    return {
        **gate,
        "since": str(counted.get("since", ""))[:40],
        "traffic": {name: _whole(counted.get(name, 0)) for name in numbers},
    }


def _whole(value: Any) -> int:
    """A counter out of a file that processes of ours can write as well; -1 for what is none."""
    return value if type(value) is int and 0 <= value < 2**53 else -1


def refused(after: int) -> dict[str, Any]:
    """What was refused since the entry with the id `after`, by process, event and address.

    `total` is without what proofs tried themselves.
    """
    since = Entry.objects.filter(id__gt=after)
    times: Counter[tuple[str, str, str, int]] = Counter()
    by_proofs = 0
    for data in since.filter(action=actions.EGRESS_REFUSED).values_list("data", flat=True):
        role, event, host = (str(data.get(name, "")) for name in ("role", "event", "host"))
        count = int(data.get("times", 1))
        if event == "proof":
            by_proofs += count
        else:
            times[role, event, host, int(data.get("port") or 0)] += count
    listed = times.most_common(MOST_GROUPS)
    return {
        "total": times.total(),
        "by_proofs": by_proofs,
        "groups": [
            {"role": role, "event": event, "host": host, "port": port, "times": count}
            for (role, event, host, port), count in listed
        ],
        "in_groups_not_listed": times.total() - sum(count for _, count in listed),
        "commands_that_went_out": since.filter(action=actions.EGRESS_LET_OUT).count(),
        "by_browsers": since.filter(action=actions.BROWSER_REFUSED).count(),
    }


def code() -> dict[str, Any]:
    """Our code by hashes (docs/proof.md says how to repeat them), and what it runs on."""
    found = sources.sources(settings.BASE_DIR)
    return {
        "version": settings.VERSION,
        "commit": found.commit,
        "sha256": found.sha256,
        "files": found.files,
        "folders": found.folders,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
    }


def models() -> list[dict[str, Any]]:
    """Each model that is here: its files with their hashes, licence, and where it came from."""
    registry = Registry(settings.MODELS_DIR)
    return [_model(registry, each) for each in registry.here()]


def _model(registry: Registry, model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "kind": model.kind,
        "chosen": model.name in in_use(),
        "sha256": model.sha256,
        "files": dict(model.files),
        "bytes": model.bytes,
        "licence": model.licence,
        "source": model.source,
        "by_hand": model.by_hand,
        "origin": registry.origin(model.name).as_dict(),
    }


def lived_with() -> list[dict[str, Any]]:
    """The published advisories of installed packages that are lived with, and why."""
    known = advisories.load(settings.BASE_DIR / "requirements" / "advisories.toml")
    return [
        {
            "id": each.id,
            "package": each.package,
            "version": _version(each.package),
            "about": each.about,
            "reason": each.reason,
            "owner": each.owner,
            "reviewed": each.reviewed.isoformat(),
            "expires": each.expires.isoformat(),
        }
        for each in known
        if each.applies_to(_version(each.package))
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def settings_in_force() -> dict[str, Any]:
    shown = standing.shown_settings()
    return {"sha256": standing.sha256(shown), "values": shown}


def record_state(verdict: Verdict) -> dict[str, Any]:
    """The state of the record's chain, as audit.verify found it now."""
    head = verdict.head or (0, "")
    return {
        "ok": verdict.ok,
        "entries": verdict.entries,
        "sealed": verdict.sealed,
        "unsealed": verdict.unsealed,
        "oldest_unsealed_seconds": verdict.oldest_unsealed_seconds,
        "head": {"position": head[0], "digest": head[1]},
        "checkpoints": verdict.checkpoints,
        "cut": verdict.cut,
        "faults": [
            {"code": fault.code, "position": fault.position, "detail": fault.detail}
            for fault in verdict.faults[:MOST_FAULTS]
        ],
    }


def kept() -> dict[str, Any]:
    """How long each kind is kept (0 days: for ever), what is past its time, and how many holds."""
    return {
        "kinds": [
            {
                "kind": each.kind.name,
                "days": each.kind.days,
                "past_their_time": each.older,
                "held": each.held,
                "last_purge": each.last.at.isoformat(timespec="seconds") if each.last else "",
            }
            for each in retention.standing()
        ],
        "holds": holds.active().count(),
        "originals_encrypted": bool(settings.ENCRYPT_ORIGINALS),
    }
