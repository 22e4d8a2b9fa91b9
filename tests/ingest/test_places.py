"""What a reader calls a place in a document."""

import pytest
from django.utils import translation

from ingest.models import Document
from ingest.parsers import registry
from ingest.places import place
from ingest.sections import MOST_PAGES, _pages


@pytest.mark.parametrize(
    ("media_type", "labels", "page", "said"),
    [
        (registry.PDF, [], 3, "page 3"),
        (registry.PDF, ["i", "ii", "1"], 2, "page ii"),
        (registry.PDF, ["i", ""], 2, "page 2"),
        (registry.PDF, ["i"], 2, "page 2"),
        (registry.PDF, ["i"], 0, "page 0"),
        (registry.PPTX, [], 4, "slide 4"),
        (registry.XLSX, ["Budget", "Staff"], 1, "sheet Budget"),
        (registry.ODS, ["%(name)s"], 1, "sheet %(name)s"),
        (registry.TIFF, [], 2, "picture 2"),
        (registry.TEXT, [], None, ""),
    ],
)
def test_a_place_has_its_own_name(
    media_type: str, labels: list[str], page: int | None, said: str
) -> None:
    assert place(Document(media_type=media_type, page_labels=labels), page) == said


def test_a_place_is_said_in_the_language_of_the_interface() -> None:
    with translation.override("de"):
        assert place(Document(media_type=registry.PDF), 3) == "Seite 3"


def test_a_passage_from_the_first_page_to_a_billionth_shows_a_few() -> None:
    """Pages are what a file, or an archive of somebody, says."""
    assert _pages([1, 2 * 10**9]) == tuple(range(1, MOST_PAGES + 1))
