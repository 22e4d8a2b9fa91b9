"""`manage.py person export|erase EMAIL`: a person's own data, for whoever runs the machine."""

import os
import shutil
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from audit.problems import Problem
from compliance import person


class Command(BaseCommand):
    help = "Export all that is kept about a person, or erase it. Both are recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="write a ZIP file of JSON files")
        export.add_argument("email")
        export.add_argument("--to", required=True, help="the file to make; it must not exist yet")
        erase = verbs.add_parser("erase", help="remove the account with all that is the person's")
        erase.add_argument("email")
        erase.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError("Nobody here has this e-mail. Check it.")
        if options["verb"] == "export":
            self._export(user, options["to"])
        elif options["yes"] or input(f"Erase {user.email} for good? Type yes: ") == "yes":
            self._erase(user)

    def _export(self, user: User, to: str) -> None:
        try:
            descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{to} cannot be made: {error.strerror}.") from error
        with os.fdopen(descriptor, "wb") as file, person.export(None, user) as made:
            shutil.copyfileobj(made, file)
        self.stderr.write(f"{to} holds what is kept about {user.email}.")

    def _erase(self, user: User) -> None:
        try:
            erased = person.erase(None, user)
        except Problem as problem:
            raise CommandError(str(problem.detail)) from problem
        for table, count in erased.removed.items():
            self.stdout.write(f"{table}: {count} removed")
        self.stdout.write(f"documents without an uploader now: {erased.documents}")
        self.stdout.write(f"collections without a maker now: {erased.collections}")
        self.stdout.write(f"entries of the record that keep the bare id: {erased.entries}")
