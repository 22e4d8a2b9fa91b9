"""The addresses that the settings name: the guard of each process lets these through, nothing else."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wall import agent, guard
from wall.addresses import parsed

_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
#: The kinds of processes that live long enough to be asked for a proof.
_ASKED = {"web", "worker", "beat", "models"}


def of_url(url: str) -> list[str]:
    """What the guard calls the server of URL (several, between `;`): [] where it names none."""
    found = []
    for each in url.split(";"):
        try:
            parts = urlsplit(each.strip())
            port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
        except ValueError:
            continue  # whoever uses it says what is wrong with it
        if parts.hostname and port:
            found.append(f"[{parts.hostname}]:{port}")
        elif parts.path.startswith("/") and not parts.hostname:
            found.append(f"unix:{unquote(parts.path)}")
    return found


def of_database(config: dict[str, Any]) -> list[str]:
    host, port = str(config.get("HOST") or ""), config.get("PORT") or 5432
    if not host:
        return []
    return [f"unix:{host}"] if host.startswith("/") else [f"[{host}]:{port}"]


def of_words(words: Iterable[str]) -> list[str]:
    """Those that are an address with a port. A host alone opens nothing: the URL that uses it does."""
    found = []
    for word in words:
        with suppress(ValueError):
            parsed(word)
            found.append(word)
    return found


def open_guard(addresses: Iterable[str], evidence: Path, run_dir: Path) -> None:
    """Where a guard is installed: list ADDRESSES, write refusals to EVIDENCE, answer for proofs."""
    if role := guard.installed():
        guard.allow([f"unix:{run_dir}", *addresses])
        guard.spool(evidence)
        if role in _ASKED:
            agent.serve(run_dir / "proof", role)
