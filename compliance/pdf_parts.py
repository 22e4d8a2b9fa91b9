"""What a printed report says: sections of sentences and tables, from the JSON of a report."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from compliance.judge import PROBLEMS


@dataclass(frozen=True, slots=True)
class Section:
    """`alarms` are lines that ask for attention. `widths` are shares of the page's width."""

    title: str
    lines: Sequence[str] = ()
    alarms: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    widths: Sequence[int] = ()


def sections(report: dict[str, Any]) -> Iterator[Section]:
    """In the order of the page."""
    yield _summary(report)
    yield _processes(report["proof"])
    yield _kinds(report["proof"])
    yield _wall(report["wall"])
    yield _gates(report["wall"]["gates"])
    yield _refused(report["refused"])
    yield _record(report["record"])
    yield _code(report["code"])
    yield _models(report["models"])
    yield _dependencies(report["dependencies"])
    yield _retention(report["retention"])
    yield _settings(report["settings"])


def _summary(report: dict[str, Any]) -> Section:
    proof = report["proof"]
    figures = {
        "refused": proof["refused"],
        "attempts": proof["attempts"],
        "processes": len(proof["processes"]),
    }
    lines = [
        _(
            "%(refused)d of %(attempts)d attempts to get out of %(processes)d processes were refused."
        )
        % figures,
        report["wall"]["sentence"],
    ]
    alarms = [_(PROBLEMS[code]) for code in proof["problems"] if code in PROBLEMS]
    if not report["record"]["ok"]:
        alarms.append(_("The record has faults: something was changed or removed."))
    if report["previous"]:
        lines.append(_("It follows report %(number)d, SHA-256 %(sha256)s.") % report["previous"])
    return Section(_("In short"), lines, alarms)


def _processes(proof: dict[str, Any]) -> Section:
    head = (_("Process"), _("Refused"), _("By"), _("Interfaces"), _("Filter"), _("Attention"))
    rows = [_process(each) for each in proof["processes"]]
    alarms = [
        _("%(kind)s did not answer (%(why)s).") % {"kind": each["kind"], "why": each["why"]}
        for each in proof["silent"]
    ]
    lines = [_("Tried on %(at)s, SHA-256 of the result: %(sha256)s") % proof]
    return Section(
        _("Every process tries to get out"), lines, alarms, head, rows, (4, 2, 5, 3, 4, 6)
    )


def _process(each: dict[str, Any]) -> list[str]:
    probes, facts = each["probes"], each["facts"]
    refused = sum(bool(probe["refused"]) for probe in probes)
    return [
        f"{each['name']} {each['pid']}",
        f"{refused}/{len(probes)}" if probes else "–",
        ", ".join(sorted({probe["layer"] for probe in probes})) or _("read from /proc"),
        ", ".join(facts.get("interfaces", ())),
        _filter(facts),
        " ".join(_(PROBLEMS.get(code, code)) for code in each["problems"]),
    ]


def _filter(facts: dict[str, Any]) -> str:
    if not facts:
        return "–"
    rights = _("no new rights") if facts["no_new_privs"] else ""
    return ", ".join(filter(None, (f"seccomp {facts['seccomp']}", rights)))


def _kinds(proof: dict[str, Any]) -> Section:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for process in proof["processes"]:
        for probe in process["probes"]:
            found[probe["kind"]].append(probe)
    rows = [
        [
            kind,
            f"{sum(bool(probe['refused']) for probe in probes)}/{len(probes)}",
            ", ".join(sorted({probe["layer"] for probe in probes})),
            ", ".join(sorted({probe["target"] for probe in probes})),
        ]
        for kind, probes in found.items()
    ]
    head = (_("Way"), _("Refused"), _("By"), _("At"))
    return Section(_("The ways that were tried"), head=head, rows=rows, widths=(3, 2, 5, 6))


def _wall(wall: dict[str, Any]) -> Section:
    lines = [wall["sentence"], *(each["sentence"] for each in wall.get("why", ()))]
    lines += [_("Not covered: %(what)s") % {"what": each} for each in wall.get("not_covered", ())]
    return Section(_("The wall"), lines)


def _gates(gates: list[dict[str, Any]]) -> Section:
    if not gates:
        return Section(_("Gates"), [_("There is no gate: no outside address is listed.")])
    rows = [
        [
            each["name"],
            f"{each['host']} ({each['address']}) {each['port']}",
            str(each["traffic"]["connections"]),
            str(each["traffic"]["bytes_out"]),
            str(each["traffic"]["bytes_in"]),
        ]
        for each in gates
    ]
    head = (_("Gate"), _("Address"), _("Connections"), _("Bytes out"), _("Bytes in"))
    return Section(_("Gates"), head=head, rows=rows, widths=(3, 6, 3, 3, 3))


def _refused(refused: dict[str, Any]) -> Section:
    lines = [
        _("%(total)d connections were refused since the report before.") % refused,
        _("%(by_proofs)d more were the proofs' own attempts.") % refused,
    ]
    rows = [
        [each["role"], each["event"], f"{each['host']} {each['port']}", str(each["times"])]
        for each in refused["groups"]
    ]
    head = (_("Process"), _("What"), _("Address"), _("Times"))
    return Section(_("Refused connections"), lines, (), head, rows, (3, 4, 6, 2))


def _record(record: dict[str, Any]) -> Section:
    lines = [
        _("%(sealed)d of %(entries)d entries are sealed; %(checkpoints)d checkpoints fit.")
        % record,
        _("The chain ends at position %(position)d with %(digest)s.") % record["head"],
    ]
    alarms = [f"{fault['code']}: {fault['detail']}" for fault in record["faults"]]
    return Section(_("The record"), lines, alarms)


def _code(code: dict[str, Any]) -> Section:
    lines = [
        _("Version %(version)s, commit %(commit)s") % {**code, "commit": code["commit"] or "–"},
        _("%(files)d files, SHA-256 %(sha256)s") % code,
        f"Python {code['python']}, {code['kernel']}, {code['machine']}",
    ]
    return Section(_("Code"), lines)


def _models(models: list[dict[str, Any]]) -> Section:
    rows = [
        [
            each["name"],
            each["licence"],
            " ".join((each["origin"]["how"], each["origin"]["at"], each["origin"]["by"])).strip()
            or "–",
            each["sha256"],
        ]
        for each in models
    ]
    head = (_("Model"), _("Licence"), _("Origin"), "SHA-256")
    return Section(_("Models"), head=head, rows=rows, widths=(4, 2, 4, 7))


def _dependencies(found: dict[str, Any]) -> Section:
    lines = [_("%(packages)d packages; bill of materials (%(format)s): SHA-256 %(sha256)s") % found]
    rows = [
        [each["id"], f"{each['package']} {each['version']}", each["reason"], each["expires"]]
        for each in found["advisories"]
    ]
    head = (_("Advisory"), _("Package"), _("Why it is lived with"), _("Until"))
    return Section(_("Dependencies"), lines, (), head, rows, (4, 3, 9, 3))


def _retention(kept: dict[str, Any]) -> Section:
    rows = [
        [
            each["kind"],
            _("%(days)d days") % each if each["days"] else _("for ever"),
            str(each["past_their_time"]),
            str(each["held"]),
        ]
        for each in kept["kinds"]
    ]
    head = (_("Kind"), _("Kept"), _("Past their time"), _("Held"))
    return Section(_("Retention"), head=head, rows=rows, widths=(5, 4, 4, 3))


def _settings(found: dict[str, Any]) -> Section:
    rows = [[name, value] for name, value in found["values"].items()]
    lines = [_("SHA-256 of all: %(sha256)s") % found]
    return Section(_("Settings"), lines, (), (_("Name"), _("Value")), rows, (5, 6))
