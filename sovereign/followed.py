"""What collections follow, and the settings that allow it. For the doctor."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.utils.timesince import timesince

from ingest.models import Collection, SyncSource
from ingest.sources import tls
from ingest.sources.base import SourceError
from ingest.sync_manage import is_stale
from ingest.sync_place import rules_of, secret_of
from ingest.sync_reasons import sentence
from sovereign.parts import Part

#: Of what is wrong so much is named.
NAMED = 5


def sources() -> Part:
    """Not needed for readiness: what is here answers, however old it is."""
    try:
        trouble = [*_roots(), *_gates(), *_certificates(), *_secrets(), *_followed()]
        detail = _told()
    except DatabaseError as error:
        advice = "Check DATABASE_URL, and run `manage.py migrate`."
        return Part("sources", False, type(error).__name__, advice, needed=False)
    if not trouble:
        return Part("sources", True, detail, needed=False)
    more = f"; {len(trouble) - NAMED} more" if len(trouble) > NAMED else ""
    advice = "`manage.py sync` lists them; docs/sources.md says how folders, gates and secrets have to be."
    return Part("sources", False, "; ".join(trouble[:NAMED]) + more, advice, needed=False)


def _roots() -> Iterator[str]:
    for path, only in rules_of(settings.SOURCE_ROOTS).items():
        if not Path(path).is_dir():
            yield f"{path} is no folder"
        elif not os.access(path, os.R_OK | os.X_OK):
            yield f"{path} cannot be read"
        yield from _unknown(path, only)


def _gates() -> Iterator[str]:
    known = {word.partition("=")[0] for word in settings.GATES}
    for name, only in rules_of(settings.SOURCE_GATES).items():
        if name not in known:
            yield f"SOVEREIGN_GATES has no gate {name}"
        yield from _unknown(f"the gate {name}", only)


def _unknown(what: str, collections: Iterable[str]) -> Iterator[str]:
    for each in sorted(collections):
        try:
            known = Collection.objects.filter(pk=UUID(each), erasing=False).exists()
        except ValueError:
            known = False
        if not known:
            yield f"{what} is for the collection {each}, which is not there"


def _certificates() -> Iterator[str]:
    try:
        if settings.SOURCE_CERTIFICATES:
            tls.context(Path(settings.SOURCE_CERTIFICATES))
    except SourceError:
        yield f"{settings.SOURCE_CERTIFICATES} holds no certificates that can be read"


def _secrets() -> Iterator[str]:
    """Nobody else on this machine may read a password, or lay another file there."""
    if not settings.SOURCE_SECRETS_DIR:
        return
    folder = Path(settings.SOURCE_SECRETS_DIR)
    try:
        if stat.S_IMODE(folder.stat().st_mode) & stat.S_IWOTH:
            yield f"{folder} can be written by everybody: chmod 700"
        for file in sorted(folder.iterdir()):
            if file.is_file() and stat.S_IMODE(file.stat().st_mode) & stat.S_IRWXO:
                yield f"{file} is open to everybody: chmod 600"
    except OSError as error:
        yield f"{folder} cannot be read ({type(error).__name__})"


def _followed() -> Iterator[str]:
    for source in SyncSource.objects.filter(paused=False):
        try:
            secret_of(source)
        except SourceError as error:
            yield f"{source.name}: {sentence(error.code)}"
            continue
        if is_stale(source):
            yield f"{source.name}: {_age(source)}{_why(source)}"
        elif source.deletions_waiting:
            yield f"{source.name}: {source.deletions_waiting} deletions wait for a manager"


def _age(source: SyncSource) -> str:
    since = source.last_success_at
    return f"in step {timesince(since)} ago" if since else "never in step so far"


def _why(source: SyncSource) -> str:
    return f" ({source.error_code})" if source.error_code else ""


def _told() -> str:
    """How it is where nothing is wrong."""
    followed = list(SyncSource.objects.filter(paused=False))
    paused = SyncSource.objects.filter(paused=True).count()
    if not followed:
        return f"{paused} paused" if paused else "none is followed"
    oldest = min(followed, key=lambda each: each.last_success_at or each.created_at)
    said = [f"{len(followed)} followed, the oldest {_age(oldest)}"]
    open_ones = sum(bool(each.settings.get("unencrypted")) for each in followed)
    said += [f"{open_ones} with a password that is sent unencrypted"] if open_ones else []
    return ", ".join([*said, *([f"{paused} paused"] if paused else [])])
