"""A person's suggestions and golden questions, for the file of all that is kept about her."""

from typing import Any

from accounts.belongings import belongs
from accounts.models import User
from evaluation.models import Question


@belongs("suggestions.json")
def suggestions(person: User) -> list[dict[str, Any]]:
    """The questions that bear her name, the oldest first. Quotes are named and not copied: they are the
    company's, and so are the answers that administrators keep with what they accepted."""
    mine = Question.objects.filter(created_by=person)
    return [_told(each) for each in mine.order_by("created_at", "id")]


def _told(question: Question) -> dict[str, Any]:
    told = {name: getattr(question, name) for name in ("id", "created_at", "state", "question")}
    if question.state == Question.State.SUGGESTED:
        places = ("file", "document", "page_or_section")
        named = [{name: part.get(name, "") for name in places} for part in question.evidence]
        told |= {"history": question.history, "answer": question.answer, "evidence": named}
    return told
