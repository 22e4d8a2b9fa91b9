"""`manage.py hold place|release|list`: legal holds, for whoever runs the machine."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.http import Http404

from audit.problems import Problem
from compliance.keeping_forms import HoldForm
from ingest import holds
from ingest.models import Hold


class Command(BaseCommand):
    help = "Place a legal hold, release it, list them. Placing and releasing are recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        place = verbs.add_parser("place", help="hold something: nobody erases it from now on")
        place.add_argument("target", choices=Hold.Target.values)
        place.add_argument(
            "thing", nargs="?", default="", help="an id, or a person's e-mail; none for everything"
        )
        place.add_argument("--case", required=True, help="the number of the case")
        release = verbs.add_parser("release", help="what waited for it is erased by the next sweep")
        release.add_argument("id", type=UUID)
        listed = verbs.add_parser("list", help="what is held now")
        listed.add_argument("--all", action="store_true", help="released ones, too")

    def handle(self, *_args: Any, **options: Any) -> None:
        verbs = {"place": self._place, "release": self._release, "list": self._list}
        verbs[options["verb"]](options)

    def _place(self, options: dict[str, Any]) -> None:
        names = {"target": "target", "thing": "thing", "reference": "case"}
        form = HoldForm({field: options[name] for field, name in names.items()})
        if not form.is_valid():
            raise CommandError(
                " ".join(str(each) for found in form.errors.values() for each in found)
            )
        chosen = {name: form.cleaned_data[name] for name in ("target", "target_id", "reference")}
        try:
            hold = holds.place(None, **chosen)
        except Problem as problem:
            raise CommandError(str(problem.detail)) from problem
        self.stdout.write(str(hold.pk))

    def _release(self, options: dict[str, Any]) -> None:
        try:
            hold = holds.release(None, options["id"])
        except Http404 as error:
            raise CommandError("There is no hold with this id, or it is released.") from error
        self.stdout.write(f"Released: {hold.reference}")

    def _list(self, options: dict[str, Any]) -> None:
        found = Hold.objects.all() if options["all"] else holds.active()
        for hold in found.order_by("-placed_at", "id"):
            thing = f"{hold.target} {hold.target_id or ''}".strip()
            times = f"since {hold.placed_at:%Y-%m-%d %H:%M} UTC"
            if hold.released_at:
                times += f", released {hold.released_at:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"{hold.pk}  {hold.reference}  {thing}  {times}")
