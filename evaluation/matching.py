"""Which documents an evidence's file means: by path and name, by whatever part of the path both have."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

Parts = tuple[str, ...]


class Files:
    """Documents by name. `documents`: (id, folder path, name)."""

    def __init__(self, documents: Iterable[tuple[UUID, str, str]]) -> None:
        self._named: dict[str, list[tuple[Parts, UUID]]] = {}
        self._ids: set[UUID] = set()
        for pk, path, name in documents:
            parts = parts_of(f"{path}/{name}")
            if parts:
                self._named.setdefault(parts[-1], []).append((parts, pk))
            self._ids.add(pk)

    def of(self, file: str) -> list[UUID]:
        """The documents of that file: the same path, else the longest end in common, else the only one
        of that name."""
        wanted = parts_of(file)
        named = self._named.get(wanted[-1], []) if wanted else []
        fits = [(len(parts), pk) for parts, pk in named if _ends_alike(parts, wanted)]
        if fits:
            exact = [pk for parts, pk in named if parts == wanted]
            longest = max(size for size, _pk in fits)
            return exact or [pk for size, pk in fits if size == longest]
        return [pk for _parts, pk in named] if len(named) == 1 else []

    def has(self, document: str) -> bool:
        try:
            return UUID(document) in self._ids
        except ValueError:
            return False


def parts_of(file: str) -> Parts:
    parts = (part.strip() for part in file.replace("\\", "/").split("/"))
    return tuple(part for part in parts if part not in ("", "."))


def names_of(questions: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names that documents must have to be what these questions mean."""
    files = (file for question in questions for file in _files(question))
    return {parts[-1] for file in files if (parts := parts_of(file))}


def matched(question: Mapping[str, Any], files: Files) -> dict[str, Any] | None:
    """The question with documents' ids for files, as evaluation/scores.py takes it.

    None where a quote's file is no document here and no file of `also_in` is, either.
    """
    others = [str(pk) for file in question["also_in"] for pk in files.of(file)]
    evidence, twins = [], list[str]()
    for part in question["evidence"]:
        found = _documents(part, files) or others
        if not found:
            return None
        evidence.append({"file": found[0], "quote": part["quote"]})
        twins += found[1:]
    return {**question, "evidence": evidence, "also_in": [*others, *twins]}


def _documents(part: Mapping[str, str], files: Files) -> list[str]:
    if files.has(part.get("document", "")):
        return [part["document"]]
    return [str(pk) for pk in files.of(part["file"])]


def _files(question: Mapping[str, Any]) -> Sequence[str]:
    return [*(part["file"] for part in question["evidence"]), *question["also_in"]]


def _ends_alike(a: Parts, b: Parts) -> bool:
    """One is the end of the other."""
    short = min(len(a), len(b))
    return a[-short:] == b[-short:]
