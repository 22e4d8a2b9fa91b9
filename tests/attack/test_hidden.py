"""What others' documents hold must not show in the order or the scores of one's own."""

import pytest
from django.db import connection

from accounts.models import User
from ingest import lexical
from ingest.indexes import active
from ingest.models import Chunk, Collection
from tests import people

#: `falcon` is what the curious person wants to know about; the others measure it.
OWN = ["falcon falcon budget", "budget heron", "heron heron falcon", "office plan", "plan heron"]


def add(collection: Collection, *texts: str) -> None:
    for number, text in enumerate(texts):
        document = people.make_document(collection, text, name=f"{collection.name} {number}.txt")
        document.language = "en"
        document.save()
        lexical.index(document, list(document.chunks.all()))


def seen(collection: Collection, question: str) -> list[tuple[str, float]]:
    hits = lexical.search(question, [collection.pk], 10, index=active().pk)
    texts = dict(Chunk.objects.values_list("pk", "text"))
    return [(texts[hit.chunk], round(hit.score, 6)) for hit in hits]


@pytest.mark.parametrize("question", ["falcon budget heron", "falcon", "budget plan"])
def test_hidden_words_move_nothing(alice: User, charlie: User, question: str) -> None:
    mine = people.make_collection(charlie, "mine")
    add(mine, *OWN)
    before = seen(mine, question)
    assert before
    hidden = people.make_collection(alice, "hidden")
    # As long on average as the person's own: FTS5 keeps one average length for the whole table.
    add(hidden, *[f"falcon secret {n:03}" for n in range(30)], "budget closed 999")
    after = seen(mine, question)
    assert [text for text, _ in after] == [text for text, _ in before]
    if connection.vendor == "sqlite":
        for (_, one), (_, other) in zip(before, after, strict=True):
            assert other == pytest.approx(one, rel=0.2)
    else:
        assert after == before


def test_hidden_words_do_not_choose_the_words_that_are_searched(alice: User, charlie: User) -> None:
    """Twelve words are searched, the rarest: a word that others use often would fall out."""
    mine = people.make_collection(charlie, "mine")
    fillers = [f"filler{letter}" for letter in "abcdefghijklmno"]
    add(mine, *[" ".join([*fillers, f"row{n}"]) for n in range(4)], "falcon alone")
    question = " ".join(["falcon", *fillers])
    before = [text for text, _ in seen(mine, question)]
    assert "falcon alone" in before
    hidden = people.make_collection(alice, "hidden")
    add(hidden, *[f"falcon secret {n}" for n in range(40)])
    assert [text for text, _ in seen(mine, question)] == before
