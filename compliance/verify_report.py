#!/usr/bin/env python3
"""Checks a signed report of Sovereign, and what belongs to it, on any machine and without Sovereign.

Needs Python 3.9 or newer and the package `cryptography`. No network, nothing of the product: read
it in ten minutes, or let somebody whom you trust read it.

    python verify_report.py REPORT.json --key FINGERPRINT_OR_PEM
           [--previous OLDER_REPORT.json] [--record RECORD.jsonl] [--checkpoints CHECKPOINTS.jsonl]

Exit code 0: everything that was asked for is right. 1: something is not. 2: it could not be checked.

A report is one JSON object in the canonical form of RFC 8785, {"report": ..., "signature": ...}. The
signature is Ed25519 (RFC 8032) over the line below and the canonical form of "report".
"""

import argparse
import hashlib
import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

CONTEXT = b"sovereign-report-v1\n"
DEEPEST = 64
LARGEST = 256 * 1024 * 1024
SIGNATURE = {"algorithm", "fingerprint", "key", "value"}


class Wrong(Exception):
    """What was checked is not right. The message says what."""


class Unchecked(Exception):
    """It could not be checked. The message says why."""


# --- canonical JSON ---------------------------------------------------------------------------------
def canonical(value: Any) -> str:
    """The one way that RFC 8785 writes `value`. Raises Wrong for what it cannot hold."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"


def _number(value: Any) -> str:
    """As ECMAScript writes it: RFC 8785, section 3.2.2.3."""
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise Wrong(f"The number {str(value)[:20]} is too large to be exact.")
        return str(value)
    if value == 0:
        return "0"
    _, digits, power = Decimal(repr(abs(value))).normalize().as_tuple()
    text, sign = "".join(map(str, digits)), "-" if value < 0 else ""
    point = len(text) + int(power)
    if 0 < point <= 21:
        whole = text.ljust(point, "0")
        return sign + whole[:point] + ("." + whole[point:] if whole[point:] else "")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{text}"
    rest = "." + text[1:] if text[1:] else ""
    return f"{sign}{text[0]}{rest}e{point - 1:+d}"


def parse(raw: bytes, what: str) -> Any:
    """The value of `raw`, which must be its canonical form to the byte. Raises Wrong."""
    try:
        text = raw.decode("utf-8")
        _bounded(text)
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_int=_integer,
            parse_float=_decimal,
        )
        same = canonical(value).encode("utf-8") == raw
    except (ValueError, RecursionError) as error:
        raise Wrong(f"{what} is damaged: {error}.") from error
    if not same:
        raise Wrong(f"{what} is not in canonical form: somebody or some program has rewritten it.")
    return value


def _bounded(text: str) -> None:
    depth = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}"]+', "", text, flags=re.DOTALL):
        depth += {"[": 1, "{": 1}.get(bracket, -1)
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return content


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _integer(text: str) -> int:
    if len(text) > 17:
        raise ValueError("a number is too long")
    return int(text)


def _decimal(text: str) -> float:
    if len(text) > 40 or abs(float(text)) == float("inf"):
        raise ValueError("a number is too long or too large")
    return float(text)


# --- keys and signatures ----------------------------------------------------------------------------
def fingerprint(key: bytes) -> str:
    """SHA-256 of the public key as DER (SubjectPublicKeyInfo, RFC 8410), in hexadecimal."""
    return hashlib.sha256(bytes.fromhex("302a300506032b6570032100") + key).hexdigest()


def trusted(given: str) -> str:
    """The fingerprint that `given` means: one written out, a PEM file, or its text."""
    plain = re.sub(r"[\s:-]|^sha256[:=]", "", given.strip().lower())
    if re.fullmatch("[0-9a-f]{64}", plain):
        return plain
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        pem = given.encode() if "BEGIN" in given else Path(given).read_bytes()
        key = load_pem_public_key(pem)
    except (OSError, ValueError) as error:
        raise Unchecked(
            f"--key is no fingerprint and no PEM file of a public key: {error}"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise Unchecked("--key holds another kind of key than Ed25519.")
    return fingerprint(key.public_bytes_raw())


def signed(key: str, value: str, message: bytes, what: str) -> None:
    """Return if `value` is the signature of `message` by the public `key`. Raises Wrong."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(_hex(key, 32))
        public.verify(_hex(value, 64), message)
    except (InvalidSignature, ValueError) as error:
        raise Wrong(
            f"The signature of {what} is wrong: it was changed after it was signed."
        ) from error


def _hex(text: Any, length: int) -> bytes:
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * length}}}", text):
        raise ValueError("not written in small hexadecimal digits")
    return bytes.fromhex(text)


def open_report(path: str, key: str) -> Tuple[Dict[str, Any], str]:
    """The signed content of the report at `path` and the file's SHA-256. Raises Wrong, Unchecked."""
    raw = read(path)
    whole = parse(raw, path)
    if not isinstance(whole, dict) or set(whole) != {"report", "signature"}:
        raise Wrong(f"{path} is no report: it must hold `report` and `signature`, nothing else.")
    report, signature = whole["report"], whole["signature"]
    if not isinstance(report, dict) or not isinstance(signature, dict):
        raise Wrong(f"{path} is no report of Sovereign.")
    if set(signature) != SIGNATURE or signature["algorithm"] != "Ed25519":
        raise Wrong(f"The signature of {path} is of an unknown kind.")
    signed(signature["key"], signature["value"], CONTEXT + canonical(report).encode(), path)
    if fingerprint(bytes.fromhex(signature["key"])) != signature["fingerprint"]:
        raise Wrong(f"{path} names another key than the one that signed it.")
    if signature["fingerprint"] != key:
        raise Wrong(
            f"{path} was signed by another key than yours: by {signature['fingerprint']}. Somebody "
            "else made it, or the installation has a new key."
        )
    return report, hashlib.sha256(raw).hexdigest()


def read(path: str) -> bytes:
    try:
        if Path(path).stat().st_size > LARGEST:
            raise Unchecked(f"{path} is larger than {LARGEST // 1024**2} MB.")
        return Path(path).read_bytes()
    except OSError as error:
        raise Unchecked(f"{path} cannot be read: {error.strerror}.") from error
