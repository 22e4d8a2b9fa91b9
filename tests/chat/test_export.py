"""A conversation as a file: what stands in it, in all scripts, and what hostile words can not do."""

import io
import zipfile
from collections.abc import Callable, Iterator

import pypdf
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from docx import Document as WordFile
from pytest_django import Settings

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat import bidi, fonts
from chat.export import FORMS, as_markdown
from chat.export_docx import as_docx
from chat.export_pdf import as_pdf
from chat.models import Citation, Conversation, Message
from chat.paper import Listed, Paper, Sentence, Turn, cleaned, paper
from ingest.models import Collection, Grant
from tests import people

ClientFor = Callable[[User | None], Client]

EVIL = (
    '<script>x</script><font size="99">&amp;<a href="http://evil.example/x">k</a>'
    '<img src="http://evil.example/p.png"/> ![p](http://evil.example/q.png) [r]: http://evil.example'
)
JAPANESE, ARABIC = "年次休暇は三十日です。", "الإجازة السنوية ثلاثون يوما"


def one(*sentences: Sentence, title: str = "Leave", question: str = "How many?") -> Paper:
    sources = (Listed(1, "leave.md", "Leave · page 3"), Listed(2))
    turn = Turn(question, timezone.now(), (sentences,), "", sources, "a-model")
    return Paper(title, (turn,), frozenset())


def words_of(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return "\n".join(page.extract_text() for page in pages)


def paragraphs_of(docx: bytes) -> str:
    return "\n".join(each.text for each in WordFile(io.BytesIO(docx)).paragraphs)


WRITERS = [
    pytest.param(lambda made: words_of(as_pdf(made)), id="pdf"),
    pytest.param(lambda made: paragraphs_of(as_docx(made)), id="docx"),
    pytest.param(as_markdown, id="md"),
]


@pytest.mark.parametrize("read", WRITERS)
def test_each_sentence_has_its_marks_and_what_is_known_of_it(read: Callable[[Paper], str]) -> None:
    said = read(
        one(
            Sentence("It is 30 days.", "verified", (1,)),
            Sentence("More after a while.", "likely", (1, 2)),
            Sentence("And a car.", "none"),
        )
    )
    assert "It is 30 days. [1]" in said
    assert "More after a while. [1] [2] (likely, not word for word)" in said
    assert "And a car. (no source)" in said
    assert "[1] leave.md, Leave · page 3" in said
    assert "[2] This passage is no longer there" in said


@pytest.mark.parametrize("read", WRITERS[:2])
def test_hostile_words_are_text(read: Callable[[Paper], str]) -> None:
    made = one(Sentence(EVIL, "none"), title=EVIL, question=EVIL)
    said = "".join(read(made).split())
    assert said.count("".join(EVIL.split())) == 3


def test_a_file_has_nothing_that_loads() -> None:
    made = one(Sentence(EVIL, "none"), title=EVIL, question=EVIL)
    for page in pypdf.PdfReader(io.BytesIO(as_pdf(made))).pages:
        assert "/Annots" not in page and "/AA" not in page
        assert not page.images
    with zipfile.ZipFile(io.BytesIO(as_docx(made))) as word:
        kinds = [word.read(name) for name in word.namelist() if name.endswith(".rels")]
        assert not any(b'TargetMode="External"' in kind for kind in kinds)
        assert b"w:instrText" not in word.read("word/document.xml")
    said = as_markdown(made)
    assert "<script>" not in said and "](http" not in said and "![" not in said.replace("\\![", "")


def test_japanese_is_set_and_found_again() -> None:
    made = one(Sentence(JAPANESE * 30, "verified", (1,)), title=JAPANESE)
    assert "".join(words_of(as_pdf(made)).split()).count(JAPANESE) == 31
    assert JAPANESE in paragraphs_of(as_docx(made))


@pytest.fixture
def found_anew() -> Iterator[None]:
    """Which fonts there are is kept: neither from before this test, nor for whoever comes next."""
    fonts._others.cache_clear()
    yield
    fonts._others.cache_clear()


@pytest.mark.usefixtures("found_anew")
def test_letters_without_a_font_are_lozenges_and_the_file_says_so(settings: Settings) -> None:
    settings.FONTS_DIR = ""
    said = words_of(as_pdf(one(Sentence("Ж हिन्दी x", "verified", (1,)))))
    assert f"{fonts.MISSING} {fonts.MISSING * 6} x [1]" in said
    assert "no font" in said
    assert "no font" not in words_of(as_pdf(one(Sentence("Über ◊ Käse.", "verified", (1,)))))


@pytest.mark.usefixtures("found_anew")
def test_a_folder_of_fonts_that_is_broken_stops_nothing(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "DejaVuSans.ttf").write_bytes(b"no font at all")
    settings.FONTS_DIR = str(folder)
    assert "30" in words_of(as_pdf(one(Sentence("Ж 30", "verified", (1,)))))


def test_what_runs_from_right_to_left_is_turned_and_joined() -> None:
    assert bidi.begins_right("(30) עברית") and not bidi.begins_right("30 days: עברית")
    assert bidi.drawn("עברית 30", right=True) == "30 תירבע"
    assert bidi.drawn("ab עברית (cd)", right=False) == "ab תירבע (cd)"
    assert bidi.drawn("שלום [1] (קוס)", right=True) == "(סוק) [1] םולש"
    # Numbers keep their signs (UAX 9), which are no letters.
    assert bidi.drawn("מחיר €5 12.5%", right=True) == "12.5% €5 ריחמ"
    assert bidi.joined("لا") == "\ufefb", "lam and alef are one"
    # Initial, medial and final; an alef joins nothing after it.
    assert bidi.joined("بيت") == "\ufe91\ufef4\ufe96"
    assert bidi.joined("اب") == "\ufe8d\ufe8f"


def test_arabic_is_marked_as_such_for_word() -> None:
    word = as_docx(one(Sentence(ARABIC, "verified", (1,))))
    assert ARABIC in paragraphs_of(word)
    with zipfile.ZipFile(io.BytesIO(word)) as file:
        assert b"<w:bidi/>" in file.read("word/document.xml")
    assert as_pdf(one(Sentence(ARABIC * 40, "verified", (1,)), title=ARABIC))


def test_characters_that_no_file_may_hold_are_left_out() -> None:
    assert cleaned("a\x00b\x1b[2J\u202eevil\u2066\ud800\ufffe\tc\nd") == "ab[2Jevil\tc\nd"
    made = one(Sentence(cleaned("a\x00\x0b\ufffeb"), "none"), title=cleaned("\x01t"))
    assert "ab" in paragraphs_of(as_docx(made)) and "ab" in words_of(as_pdf(made))


@pytest.fixture
def conversation(db: None, alice: User, collection: Collection) -> Conversation:
    chunk = people.make_document(collection).chunks.get()
    made = people.make_conversation(alice, chunk)
    answer = made.messages.get(role=Message.Role.ASSISTANT)
    Citation.objects.create(
        message=answer,
        source=answer.sources.get(),
        sentence_start=0,
        sentence_end=len(answer.text),
        quote_end=5,
        support=Citation.Support.LIKELY,
    )
    return made


@pytest.mark.parametrize("form", FORMS)
def test_the_owner_takes_it_along_and_the_record_knows(
    client_for: ClientFor, alice: User, conversation: Conversation, form: str
) -> None:
    address = reverse("chat:export", args=[conversation.pk])
    response = client_for(alice).get(address, {"format": form})
    assert response["Content-Type"] == FORMS[form]
    assert response["Content-Disposition"].endswith(f'{conversation.pk}.{form}"')
    entry = Entry.objects.get(action=actions.CONVERSATION_EXPORTED)
    document = str(conversation.messages.get(ordinal=1).sources.get().document_id)
    assert entry.data == {"format": form, "documents": [document]}


@pytest.mark.parametrize("form", FORMS)
def test_nobody_else_does(
    client_for: ClientFor, bob: User, conversation: Conversation, form: str
) -> None:
    address = reverse("chat:export", args=[conversation.pk])
    assert client_for(bob).get(address, {"format": form}).status_code == 404
    assert not Entry.objects.filter(action=actions.CONVERSATION_EXPORTED).exists()


def test_another_form_is_not_there(
    client_for: ClientFor, alice: User, conversation: Conversation
) -> None:
    address = reverse("chat:export", args=[conversation.pk])
    assert client_for(alice).get(address, {"format": "exe"}).status_code == 404


def test_a_source_that_is_closed_to_her_is_not_named(
    alice: User, conversation: Conversation
) -> None:
    assert "leave.txt" in as_markdown(paper(alice, conversation))
    Grant.objects.all().delete()
    made = paper(alice, conversation)
    assert "leave.txt" not in as_markdown(made)
    assert not made.documents
    assert made.turns[0].sources == (Listed(1),)
