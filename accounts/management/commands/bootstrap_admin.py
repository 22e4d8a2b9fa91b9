from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.bootstrap import ensure_admin, first_link
from audit.problems import Problem


class Command(BaseCommand):
    help = (
        "Make the administrator that SOVEREIGN_ADMIN_EMAIL and SOVEREIGN_ADMIN_PASSWORD(_FILE) name, "
        "or print the path of a one-time link that makes the first one."
    )

    def handle(self, *_args: object, **_options: object) -> None:
        self._check_settings()
        try:
            user = ensure_admin()
        except Problem as problem:
            raise CommandError(
                f"The first administrator was not made. {problem.detail}"
            ) from problem
        if user is not None:
            self.stderr.write(
                f"{user.email} is the administrator. Sign in with the password you set."
            )
        elif path := first_link():
            self.stdout.write(path)
        else:
            self.stderr.write("There is an administrator already. Nothing was changed.")

    def _check_settings(self) -> None:
        """One without the other is a slip: silently falling back to the link would hide it."""
        if bool(settings.ADMIN_EMAIL) != bool(settings.ADMIN_PASSWORD):
            raise CommandError(
                "Set both SOVEREIGN_ADMIN_EMAIL and SOVEREIGN_ADMIN_PASSWORD "
                "(or SOVEREIGN_ADMIN_PASSWORD_FILE), or neither."
            )
