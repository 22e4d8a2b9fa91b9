"""`manage.py encrypt_originals`: the plain originals, or (`--rotate`) a new master key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import actions
from audit.record import record
from ingest import keys, rewrap
from ingest.keys import MasterKeyError


class Command(BaseCommand):
    help = (
        "Encrypt the originals that lie in plain bytes. Ended at any point, it goes on next time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rotate", action="store_true", help="wrap all keys by a new master key instead"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            count = self._rotate() if options["rotate"] else self._encrypt()
        except MasterKeyError as error:
            raise CommandError(f"{error.why} See docs/encryption.md.") from error
        if count.failed:
            raise SystemExit(1)

    def _encrypt(self) -> rewrap.Count:
        count = rewrap.Count()
        for document, result in rewrap.encrypt_all():
            if result in ("done", "left"):
                setattr(count, result, getattr(count, result) + 1)
            else:
                count.failed += 1
                self.stderr.write(f"{document.id}: {result}")
        if count.done:
            record(actions.ORIGINALS_ENCRYPTED, data=_data(count))
        self.stdout.write(
            f"{count.done} encrypted, {count.left} were already, {count.failed} could not be."
        )
        return count

    def _rotate(self) -> rewrap.Count:
        count = rewrap.rotate()
        first, *older = [keys.master_id(key) for key in keys.masters()]
        record(actions.KEYS_ROTATED, data=_data(count) | {"master_key": first})
        self.stdout.write(
            f"{count.done} keys wrapped anew by {first}, {count.left} were already, "
            f"{count.failed} could not be opened."
        )
        if older and not count.failed:
            self.stdout.write(f"No longer needed: {', '.join(older)}.")
        return count


def _data(count: rewrap.Count) -> dict[str, int | str]:
    return {"done": count.done, "left": count.left, "failed": count.failed}
