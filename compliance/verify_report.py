#!/usr/bin/env python3
"""Checks a signed report of Sovereign, and what belongs to it, on any machine and without Sovereign.

Needs Python 3.9 or newer and the package `cryptography`. No network, nothing of the product: read
it in ten minutes, or let somebody whom you trust read it.

    python verify_report.py REPORT.json --key FINGERPRINT_OR_PEM
           [--previous OLDER_REPORT.json] [--record RECORD.jsonl] [--checkpoints CHECKPOINTS.jsonl]

Exit code 0: everything that was asked for is right. 1: something is not. 2: it could not be checked.

A report is one JSON object in the canonical form of RFC 8785, {"report": ..., "signature": ...}. The
signature is Ed25519 (RFC 8032) over the line CONTEXT and the canonical form of "report".
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

CONTEXT = b"sovereign-report-v1\n"
SIGNATURE = {"algorithm", "fingerprint", "key", "value"}
LARGEST = 1024**3
NEVER = (
    "Whether what it says was true on that machine: docs/proof.md says how to see it there.",
    "Whether the key is that installation's: compare it with the one that you keep on paper.",
)


class Wrong(Exception):
    """It is not right."""


class Unchecked(Exception):
    """It could not be checked."""


def canonical(value: Any) -> bytes:
    """The one way that RFC 8785 writes `value`. Raises ValueError for what a report never holds."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return b"{" + b",".join(canonical(n) + b":" + canonical(value[n]) for n in names) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    if isinstance(value, int) and abs(value) >= 2**53:
        raise ValueError("a number is too large to be exact")
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


def parse(raw: bytes, what: str) -> Any:
    """The value of `raw`, which must be its canonical form to the byte. Raises Wrong."""
    try:
        value = DECODER.decode(raw.decode("utf-8"))
        same = canonical(value) == raw
    except (ValueError, RecursionError) as error:
        raise Wrong(f"{what} is damaged: {str(error)[:200]}.") from error
    if not same:
        raise Wrong(f"{what} is not in canonical form: somebody or some program has rewritten it.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return content


def _whole(text: str) -> int:
    """Neither a report nor the record holds other numbers."""
    if not re.fullmatch(r"-?\d{1,16}", text):
        raise ValueError(f"{text[:40]} is no whole number that is exact")
    return int(text)


DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_whole, parse_constant=_whole
)


# --- keys and signatures ------------------------------------------------------------------------
def fingerprint(key: bytes) -> str:
    """SHA-256 of the public key as DER (SubjectPublicKeyInfo, RFC 8410), in hexadecimal."""
    return hashlib.sha256(bytes.fromhex("302a300506032b6570032100") + key).hexdigest()


def trusted(text: str) -> str:
    """The fingerprint that TEXT means: one written out, a PEM file, or its text. Raises Unchecked."""
    plain = re.sub(r"^sha256[:=]|[\s:-]", "", text.strip().lower())
    if re.fullmatch("[0-9a-f]{64}", plain):
        return plain
    from cryptography.hazmat.primitives import serialization

    try:
        pem = text.encode() if "BEGIN" in text else Path(text).read_bytes()
        der = serialization.load_pem_public_key(pem).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (OSError, ValueError) as error:
        raise Unchecked(f"--key is no fingerprint and no public key in PEM: {error}") from error
    return hashlib.sha256(der).hexdigest()


def check_signature(key: bytes, signature: bytes, message: bytes) -> None:
    """Return if `signature` is of `message` by `key`, the 32 bytes of RFC 8032. Raises Wrong."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Wrong("The signature is wrong: it was changed after it was signed.") from error


def _hex(text: Any, length: int) -> bytes:
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * length}}}", text):
        raise Wrong("The signature or its key is not written in small hexadecimal digits.")
    return bytes.fromhex(text)


# --- what is checked ----------------------------------------------------------------------------
class Report(NamedTuple):
    """One that is whole and signed. `key`: the 32 bytes, `mark`: its fingerprint."""

    content: dict[str, Any]
    sha256: str
    key: bytes
    mark: str


def open_report(path: str, mark: str) -> Report:
    """The report at `path`, if it is whole and signed by the key `mark`. Raises Wrong, Unchecked."""
    raw = read(path)
    whole = parse(raw, "The file")
    if not isinstance(whole, dict) or set(whole) != {"report", "signature"}:
        raise Wrong("It is no report: it must hold `report` and `signature`, and nothing else.")
    content, signature = whole["report"], whole["signature"]
    if not isinstance(content, dict) or content.get("kind") != "sovereign-report":
        raise Wrong("It is no report of Sovereign.")
    if not isinstance(signature, dict) or set(signature) != SIGNATURE:
        raise Wrong("Its signature is not as it should be.")
    key = _hex(signature["key"], 32)
    if fingerprint(key) != mark:
        other = f"It was signed by another key than yours: by {fingerprint(key)}."
        raise Wrong(f"{other} Somebody else made it, or the installation has a new key.")
    check_signature(key, _hex(signature["value"], 64), CONTEXT + canonical(content))
    said = (signature["algorithm"], signature["fingerprint"], content.get("installation"))
    if said != ("Ed25519", mark, mark):
        raise Wrong("It names another key, algorithm or installation than the one that signed it.")
    if content.get("version") != 1:
        raise Unchecked("It is of another version: take the verifier that belongs to it.")
    return Report(content, hashlib.sha256(raw).hexdigest(), key, mark)


def check_previous(path: str, report: Report, _known: dict[int, str]) -> str:
    older, named = open_report(path, report.mark), report.content.get("previous") or {}
    if named.get("sha256") != older.sha256:
        raise Wrong(f"The report follows another one: {named.get('id', 'none')}.")
    if named.get("number") != older.content.get("number"):
        raise Wrong("The numbers of the two reports do not follow each other.")
    return "The older report is signed by the same key, and is the one that this report follows."


def lines(path: str) -> Iterator[dict[str, Any]]:
    """The objects of a file with one on each line, each in canonical form. Raises Wrong."""
    *whole, rest = read(path).split(b"\n")
    if rest:
        raise Wrong("Its last line has no end: something is missing.")
    for number, line in enumerate(whole, 1):
        value = parse(line, f"Line {number}")
        if not isinstance(value, dict):
            raise Wrong(f"Line {number} is no object.")
        yield value


def check_checkpoints(path: str, report: Report, known: dict[int, str]) -> str:
    """Each line signed, numbered, and holding the hash of the line before. Fills `known`, which
    has the report's own head already: where a checkpoint has the same position, both must agree."""
    number, previous, count = 0, "", 0
    for count, each in enumerate(lines(path), 1):
        text = str(each["signature"])
        signature = base64.b64decode(text)
        said = {name: value for name, value in each.items() if name != "signature"}
        if base64.b64encode(signature).decode() != text or said["installation"] != report.mark:
            raise Wrong(f"Checkpoint {count} is signed by another key, or damaged.")
        check_signature(report.key, signature, canonical(said))
        if said["format"] != "sovereign-checkpoint-1":
            raise Wrong(f"Line {count} is no checkpoint.")
        if (said["number"], said["previous"]) != (number + 1, previous):
            raise Wrong(f"Checkpoint {count} does not follow the one before: lines are missing.")
        number, previous = said["number"], hashlib.sha256(canonical(each)).hexdigest()
        if known.setdefault(said["position"], said["digest"]) != said["digest"]:
            raise Wrong(f"At position {said['position']} two different chains were signed.")
    if not count:
        raise Unchecked("There is no checkpoint in the file.")
    return f"{count} checkpoints are signed, and none is missing between the first and the last."


def check_record(path: str, report: Report, known: dict[int, str]) -> str:
    """Each entry's digest, the chain from its beginning, and the digests in `known` on the way."""
    first = hashlib.sha256(canonical({"format": "sovereign-record-1", "installation": report.mark}))
    position, previous, met, begun = 0, first.hexdigest(), 0, 1
    # In the order of sealing, which is not always that of the entries. The newest have no place yet.
    every = list(lines(path))
    sealed = [each for each in every if each["position"] is not None]
    for each in sorted(sealed, key=lambda each: int(each["position"])):
        if not position and each["position"] > 1:
            position, previous, begun = each["position"] - 1, each["previous"], each["position"]
        if (each["position"], each["previous"]) != (position + 1, previous):
            raise Wrong(f"After position {position}: entries are missing, or were put in.")
        said = {name: value for name, value in each.items() if name != "digest"}
        position, previous = each["position"], hashlib.sha256(canonical(said)).hexdigest()
        if previous != each["digest"]:
            raise Wrong(f"The entry at position {position} was changed.")
        if known.get(position, previous) != previous:
            raise Wrong(f"At position {position} another chain was signed: it was rewritten.")
        met += position in known
    if missing := [each for each in known if each > position]:
        raise Wrong(f"It ends at {position}, {max(missing)} was signed: cut off or exported early.")
    if not met:
        raise Unchecked("No signed position lies in this part of the record: give checkpoints.")
    more = "" if begun == 1 else f" What stood before {begun} is not in this file."
    if waiting := len(every) - len(sealed):
        more += f" {waiting} lines have no place in the chain: nothing vouches for THEM."
    return f"Entries {begun} to {position} are unchanged, {met} signed positions fit them.{more}"


def read(path: str) -> bytes:
    try:
        if Path(path).stat().st_size > LARGEST:
            raise Unchecked("The file is larger than a gigabyte.")
        return Path(path).read_bytes()
    except OSError as error:
        raise Unchecked(f"{path} cannot be read: {error.strerror}.") from error


MORE = {"previous": check_previous, "checkpoints": check_checkpoints, "record": check_record}


# --- the command --------------------------------------------------------------------------------
def attempt(name: str, check: Callable[[], str]) -> int:
    """Run one check and say in a sentence how it ended: 0, 1 or 2."""
    try:
        sentence, mark, code = check(), "right", 0
    except Unchecked as error:
        sentence, mark, code = str(error), "NOT CHECKED", 2
    except Wrong as error:
        sentence, mark, code = str(error), "WRONG", 1
    except (KeyError, TypeError, ValueError) as error:
        sentence, mark, code = f"It is not as it should be ({error!r}).", "WRONG", 1
    sys.stdout.write(f"{mark:12}{name}: {plain(sentence)}\n")
    return code


def plain(text: str) -> str:
    """On one line and without orders to the terminal: nothing in a file may look like our words."""
    return "".join(each if each.isprintable() else "?" for each in text)


def says(content: dict[str, Any]) -> Iterator[str]:
    """What the report itself says, in short: its word, not ours."""
    proof, record = content["proof"], content["record"]
    tried = f"{proof['refused']} of {proof['attempts']} attempts to get out of"
    yield f"Report {content['number']} of {content['made_at']}."
    yield f"{content['wall']['sentence']}"
    yield f"{tried} {len(proof['processes'])} processes were refused."
    for process in proof["processes"]:
        for problem in process["problems"]:
            yield f"ATTENTION: {process['name']}: {problem}."
    for each in proof["silent"]:
        yield f"ATTENTION: {each['kind']} did not answer ({each['why']})."
    yield f"{content['refused']['total']} connections were refused since the report before."
    state = "intact" if record["ok"] else "ATTENTION: NOT INTACT"
    yield f"Record: {state}, {record['sealed']} entries sealed, {record['unsealed']} waiting."


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check a signed report of Sovereign.")
    parser.add_argument("report")
    parser.add_argument("--key", required=True, help="its fingerprint, or a PEM file")
    for name in MORE:
        parser.add_argument(f"--{name}", help="a file to check with the report")
    asked = parser.parse_args(arguments)
    found: list[Report] = []

    def report() -> str:
        found.append(open_report(asked.report, trusted(asked.key)))
        return f"It is whole, in canonical form, and signed by the key {found[0].mark}."

    try:
        code = attempt("report", report)
    except ImportError:
        sys.stdout.write("NOT CHECKED: the package `cryptography` is missing (pip install it).\n")
        return 2
    codes = [code, *(_rest(asked, found[0]) if found else ())]
    return 1 if 1 in codes else max(codes)


def _rest(asked: argparse.Namespace, report: Report) -> list[int]:
    """Everything besides the report itself; then what it says, and what nobody checked."""
    head = report.content["record"]["head"]
    known = {head["position"]: head["digest"]} if head["position"] else {}
    given = [name for name in MORE if getattr(asked, name)]
    codes = [attempt(n, partial(MORE[n], getattr(asked, n), report, known)) for n in given]
    left = [f"--{name} was not given." for name in MORE if name not in given]
    for some in (["The report says:", *says(report.content)], ["Not checked:", *left, *NEVER]):
        sys.stdout.write("\n" + "\n  ".join(map(plain, some)) + "\n")
    return codes


if __name__ == "__main__":
    sys.exit(main())
