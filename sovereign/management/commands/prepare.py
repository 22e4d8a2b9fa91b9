"""`manage.py prepare`: what the launcher does before it starts the processes, for other supervisors."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sovereign.launcher import prepare, walls
from sovereign.launcher.errors import LaunchError


class Command(BaseCommand):
    help = (
        "Update the tables, collect the static files, compile the translations, make the "
        "administrator that the settings name, or print the path of the one-time link; say which "
        "wall holds."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            prepare.folders()
            wall = walls.declare()
            prepare.everything()
            prepare.record_start()
        except LaunchError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The wall that holds here: {wall.wall}.")
        if link := prepare.first_link():
            self.stdout.write(f"Nobody administers this installation yet. Open this once: {link}")
