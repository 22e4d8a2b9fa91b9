"""`manage.py ask "question"`: an answer with its sources, in the terminal."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from chat.ask import Ask
from chat.conversations import QuestionRefused, checked_question
from chat.events import CitationEvent, ConflictEvent, Done, Failed, Sources, Token, Withdrawn
from chat.run import run_unstored
from ingest.access import collections_for


class Command(BaseCommand):
    help = "Ask a question of the documents that a person may read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--collection", help="the name of one collection (default: all)")
        parser.add_argument(
            "--user", help="the e-mail of who asks (default: the first administrator)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = asker(options["user"])
        try:
            question = checked_question(options["question"])
        except QuestionRefused as refused:
            raise CommandError(refused.detail) from refused
        where = collections(user, options["collection"])
        ask = Ask(user, question, where, uuid4(), way="command")
        for event in run_unstored(ask, gone=lambda: False):
            self.show(event)

    def show(self, event: object) -> None:
        match event:
            case Sources():
                for passage in event.passages:
                    page = f", p. {passage.page}" if passage.page else ""
                    self.stdout.write(
                        self.style.NOTICE(
                            f"[{passage.n}] {passage.document.name}{page}  {passage.heading}"
                        )
                    )
                self.stdout.write("")
            case Token():
                self.stdout.write(event.text, ending="")
                self.stdout.flush()
            case Withdrawn():
                told = "\nNothing of this is in the documents. In their own words:\n"
                self.stdout.write(self.style.WARNING(told))
            case CitationEvent() if event.support == "none":
                self.stdout.write(self.style.WARNING(" (not supported by the passages)"), ending="")
            case ConflictEvent():
                newer = f"; [{event.newer}] is the newer one" if event.newer else ""
                both = f"\n[{event.n}] and [{event.other.n}] disagree about this{newer}."
                self.stdout.write(self.style.WARNING(both))
            case Done():
                self.stdout.write(f"\n\n{event.status}, {event.ms.get('total', 0) / 1000:.1f} s")
            case Failed():
                raise CommandError(f"{event.detail} ({event.code})")


def asker(email: str | None) -> User:
    """The person of that e-mail, or the first administrator. Raises CommandError."""
    people = User.objects.filter(is_active=True).order_by("created_at")
    user = (
        people.filter(email__iexact=email).first()
        if email
        else people.filter(is_admin=True).first()
    )
    if user is None:
        raise CommandError(
            "There is no such person. Name one with --user E-MAIL. "
            "The first administrator is made by the link that `make up` prints."
        )
    return user


def collections(user: User, name: str | None) -> tuple[UUID, ...]:
    """The ids to search. Raises CommandError where the person may read none of that name."""
    readable = collections_for(user)
    found = tuple(
        (readable.filter(name__iexact=name) if name else readable).values_list("id", flat=True)
    )
    if not found:
        names = ", ".join(readable.values_list("name", flat=True)) or "none"
        raise CommandError(f"{user.email} may read no such collection. Readable: {names}.")
    return found
