"""Signed statements: a flat object, its canonical JSON (RFC 8785), an Ed25519 signature (RFC 8032).

`format` names the kind, so that a signature of one kind never passes for another.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from audit import keys
from audit.chain import canonical

Statement = dict[str, Any]


def signed(values: Mapping[str, Any]) -> Statement:
    """Return `values` with `installation` and `signature` added."""
    said = {**values, "installation": keys.fingerprint()}
    return {**said, "signature": base64.b64encode(keys.sign(canonical(said))).decode("ascii")}


def holds(statement: Mapping[str, Any], pem: str | None = None) -> bool:
    """Whether the signature is of exactly this statement, by this installation or the key in `pem`."""
    said = {name: value for name, value in statement.items() if name != "signature"}
    try:
        signature = base64.b64decode(str(statement.get("signature", "")), validate=True)
        message = canonical(said)
    except (binascii.Error, ValueError):
        return False
    return said.get("installation") == keys.fingerprint(pem) and keys.verify(
        message, signature, pem
    )
