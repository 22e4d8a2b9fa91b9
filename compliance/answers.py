"""What a process answers to a proof, read as a stranger's: it may have been taken over.

Its words go into a signed report and onto a page, so they have a known form and a known length. One
that answers anything else has not answered. That it may lie about itself, no form can tell.
"""

import re
from collections.abc import Mapping
from typing import Any

_WORD = re.compile(r"[\w.-]{1,40}", re.ASCII)
_NUMBER = 2**53
_MOST_PROBES = 200
_MOST_NAMES = 100
_LONGEST = 300

_FACTS: dict[str, type] = {
    "pid": int,
    "uid": int,
    "namespaces": dict,
    "interfaces": list,
    "default_route": bool,
    "seccomp": int,
    "filters": int,
    "no_new_privs": bool,
}


def checked(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields of an answer, each in its form. Raises ValueError, KeyError, TypeError."""
    facts = {name: _of(kind, answer["facts"][name]) for name, kind in _FACTS.items()}
    facts["namespaces"] = {_word(kind): _of(int, n) for kind, n in facts["namespaces"].items()}
    facts["interfaces"] = [_text(name) for name in facts["interfaces"][:_MOST_NAMES]]
    return {
        "role": _word(answer["role"]),
        "pid": _of(int, answer["pid"]),
        "facts": facts,
        "probes": [_probe(probe) for probe in _of(list, answer["probes"])[:_MOST_PROBES]],
        "refused": _of(int, answer["refused"]),
    }


def named(text: str) -> str:
    """A process's kind out of the name of its socket, which any process of ours may have made."""
    return text if _WORD.fullmatch(text) else "unknown"


def _probe(probe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": _word(probe["kind"]),
        "target": _text(probe["target"]),
        "refused": _of(bool, probe["refused"]),
        "layer": _word(probe["layer"]),
        "how": _text(probe["how"]),
    }


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind or (isinstance(value, int) and not -_NUMBER < value < _NUMBER):
        raise ValueError(f"no {kind.__name__}")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("no word")
    return value


def _text(value: Any) -> str:
    """On one line, of characters that are seen."""
    text = str(_of(str, value))[:_LONGEST]
    return "".join(each if each.isprintable() else "?" for each in text)
