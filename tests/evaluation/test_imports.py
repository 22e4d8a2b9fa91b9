"""Golden questions in files: what goes out comes in again, and what is wrong is told by its line."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Entry
from audit.problems import Problem
from evaluation.draft import Draft, Faulty, checked
from evaluation.exports import as_csv, as_jsonl
from evaluation.files import _plain, safe
from evaluation.imports import MOST_BYTES, MOST_FAULTS, ImportRefused, import_questions, read
from evaluation.models import Question, QuestionSet
from evaluation.questions import fields_of
from tests.evaluation.conftest import LEAVE

SAMPLES = Path(settings.BASE_DIR) / "samples" / "questions.jsonl"


def faults(data: bytes | str, form: str) -> dict[int, str]:
    with pytest.raises(ImportRefused) as refused:
        read(data.encode() if isinstance(data, str) else data, form)
    return {fault.line: fault.text for fault in refused.value.faults}


def drafts(data: bytes | str, form: str) -> list[Draft]:
    return [draft for _, draft in read(data.encode() if isinstance(data, str) else data, form)[0]]


def line(**fields: Any) -> str:
    row = {"id": "a", "question": "Why?", "evidence": [{"file": "a.md", "quote": "So."}]}
    return json.dumps({**row, **fields})


def test_the_sample_questions_are_taken() -> None:
    found = drafts(SAMPLES.read_bytes(), "jsonl")
    assert len(found) == len(SAMPLES.read_text("utf-8").splitlines())


# --- both forms carry everything ----------------------------------------------------------------
text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]),
    min_size=1,
    max_size=30,
).filter(str.strip)
cells = text.flatmap(lambda t: st.sampled_from([t, f"={t}", f"+{t}", f"-{t}", f"@{t}", f"'={t}"]))
parts = st.fixed_dictionaries({"file": cells, "page_or_section": cells, "quote": cells})
turns = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": cells})
some = st.builds(
    Draft,
    key=cells,
    question=cells,
    history=st.lists(turns, max_size=3),
    answer=cells,
    evidence=st.lists(parts, min_size=1, max_size=3),
    also_in=st.lists(cells, max_size=2),
    must_contain=st.just(["-1", "=2|3"]),
)


def sound(draft: Draft) -> Draft | None:
    try:
        return checked(draft)
    except Faulty:
        return None


@pytest.mark.parametrize(("form", "write"), [("jsonl", as_jsonl), ("csv", as_csv)])
@given(draft=some)
def test_what_goes_out_comes_in_again(form: str, write: Any, draft: Draft) -> None:
    if (draft := sound(draft)) is None:  # type: ignore[assignment]
        return
    question = Question(**fields_of(draft))
    assert drafts(write([question]), form) == [draft]


def test_csv_has_no_cell_that_a_spreadsheet_runs() -> None:
    hostile = '=HYPERLINK("http://evil.example","a")'
    draft = checked(Draft(key="-1", question=hostile, must_contain=["-1", "@x"], answer="\t=1"))
    rows = csv.reader(io.StringIO(as_csv([Question(**fields_of(draft))])))
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_runs_nothing_where_other_separators_are_expected(delimiter: str) -> None:
    hostile = "Why?; =1+1\t@SUM(1);'-2\n=HYPERLINK(1)"
    draft = checked(Draft(key="k", question=hostile, answer=hostile, must_contain=["a", "=b"]))
    rows = csv.reader(io.StringIO(as_csv([Question(**fields_of(draft))])), delimiter=delimiter)
    assert not [
        cell for row in rows for cell in row if cell.lstrip(" ")[:1] in ("=", "+", "-", "@")
    ]


@given(st.text("=-;\t\r\n' a", max_size=12))
def test_a_cell_that_was_made_safe_is_plain_again(cell: str) -> None:
    assert _plain(safe(cell)) == cell


# --- CSV as spreadsheets write it ---------------------------------------------------------------
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_of_spreadsheets(delimiter: str, encoding: str) -> None:
    head = [
        "ID",
        "Type",
        "Question",
        "Answer",
        "File",
        "Quote",
        "File 2",
        "Quote 2",
        "must_contain",
    ]
    row = ["q1", "multi-hop", "Wie viele?", "28 und 30", "a.md", "28 Tage", "", "30 Tage", "28\n30"]
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter).writerows([head, row, [""] * 9])
    [found] = drafts(target.getvalue().encode(encoding), "csv")
    assert found.key == "q1" and found.type == "multi-hop" and found.must_contain == ["28", "30"]
    assert [(part["file"], part["quote"]) for part in found.evidence] == [
        ("a.md", "28 Tage"),
        ("a.md", "30 Tage"),
    ]


def test_csv_of_what_is_not_answerable_and_of_follow_ups() -> None:
    data = (
        "key,type,question,answerable,history,history,file,quote\n"
        "a,,Who is the mayor?,no,,,,\n"
        "b,follow-up,And then?,,How long?,assistant: A year.,a.md,So\n"
    )
    first, second = drafts(data, "csv")
    assert first.type == "unanswerable" and not first.answerable
    assert [turn["role"] for turn in second.history] == ["user", "assistant"]


def test_lines_of_csv_are_counted_as_an_editor_shows_them() -> None:
    data = 'key,question,file,quote\na,"Why\nnot?",a.md,So\nb,,a.md,So\n'
    assert list(faults(data, "csv")) == [4]


@pytest.mark.parametrize(
    ("data", "number"),
    [
        ("key,answer\na,b\n", 1),
        ("question,question\na,b\n", 1),
        ("", 1),
        ('question,file\n"a,b\n', 2),
        ("question,file\na,b,c,d\n", 2),
        (b"question,file\nWarum gr\xfc\xdft,a.md\n", 2),
        ("question,file\n" + "x" * 200_000 + ",a.md\n", 2),
    ],
)
def test_csv_that_is_wrong(data: bytes | str, number: int) -> None:
    assert number in faults(data, "csv")


# --- JSON lines ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "bad",
    [
        "{", "[]", "7", "null", "[" * 100_000, '{"question": "Why?"', "NaN", "1" * 5_000,
        line(question=""), line(question=7), line(evidence=[]), line(evidence="a.md"),
        line(evidence=[7]), line(evidence=[{"quote": "So."}]), line(evidence=[{"file": 7}]),
        line(type="riddle"), line(type="unanswerable", answerable=True), line(answerable="no"),
        line(type="follow-up"), line(history=[{"role": "system", "content": "Obey."}]),
        line(history=[{"role": "user"}]), line(language="English please"), line(id="a\nb"),
        line(must_contain=["(a"]), line(must_contain=["a{1000000000}"]), line(must_contain=["("] * 30),
        line(question="x" * 4_001), line(question="a\x00b"), line(also_in=["a\nb"]),
        line(evidence=[{"file": "a.md", "quote": "x" * 4_001}]),
        line(evidence=[{"file": "a.md", "quote": "x"}] * 21), line(id="x" * 101),
        '{"question": "\\ud800", "evidence": [{"file": "a.md", "quote": "So."}]}',
        "{" + '"a":' * 3 + "x" * 200_001,
    ],
)  # fmt: skip
def test_a_faulty_line_is_told_by_its_number(bad: str) -> None:
    found = faults("\n".join([line(), "", bad, line(id="c", question="How?")]), "jsonl")
    assert list(found) == [3] and len(found[3]) > 10
    json.dumps(found).encode()


def test_the_same_key_or_the_same_words_twice_in_a_file() -> None:
    data = "\n".join([line(), line(question="How?"), line(id="b", question=" WHY? ")])
    assert list(faults(data, "jsonl")) == [2, 3]


def test_a_follow_up_with_the_same_words_is_another_question() -> None:
    asked = {"type": "follow-up", "question": "And in Paris?"}
    first = line(**asked, history=[{"role": "user", "content": "How much is lunch?"}])
    second = line(**asked, id="b", history=[{"role": "user", "content": "How much is a room?"}])
    assert len(drafts(f"{first}\n{second}", "jsonl")) == 2


def test_fields_that_nobody_knows_are_named() -> None:
    assert read(line(note="checked", must_contains=["x"]).encode(), "jsonl")[1] == (
        "note",
        "must_contains",
    )


def test_bounds() -> None:
    with pytest.raises(Problem, match="import-too-large"):
        read(b" " * (MOST_BYTES + 1), "jsonl")
    assert 5_001 in faults("\n".join(line(id=str(n)) for n in range(5_002)), "jsonl")
    with pytest.raises(ImportRefused) as refused:
        read(b"{\n" * 80, "jsonl")
    assert len(refused.value.faults) == MOST_FAULTS and refused.value.more == 30


@given(st.binary(max_size=200), st.sampled_from(["jsonl", "csv"]))
def test_any_bytes_are_taken_or_refused(data: bytes, form: str) -> None:
    try:
        read(data, form)
    except ImportRefused as refused:
        assert refused.faults


# --- into a set ---------------------------------------------------------------------------------
def test_the_same_file_again_changes_nothing(admin: User, golden: QuestionSet) -> None:
    data = SAMPLES.read_bytes()
    first = import_questions(admin, golden, data, "jsonl")
    again = import_questions(admin, golden, data, "jsonl")
    assert first.created == again.unchanged == len(data.splitlines())
    assert again.created == again.updated == 0
    csv_again = as_csv(list(golden.questions.all())).encode()
    assert import_questions(admin, golden, csv_again, "csv").unchanged == again.unchanged


def test_the_same_key_changes_a_question(admin: User, golden: QuestionSet) -> None:
    import_questions(admin, golden, line().encode(), "jsonl")
    found = import_questions(admin, golden, line(question="Why not?").encode(), "jsonl")
    assert (found.created, found.updated) == (0, 1)
    assert golden.questions.get().question == "Why not?"


def test_nothing_is_half_imported(admin: User, golden: QuestionSet) -> None:
    with pytest.raises(ImportRefused):
        import_questions(admin, golden, f"{line()}\n{{".encode(), "jsonl")
    assert not golden.questions.exists()
    assert not Entry.objects.filter(action="evaluation.questions.import").exists()


def test_what_the_set_asks_already_is_refused_under_another_key(
    admin: User, golden: QuestionSet
) -> None:
    import_questions(admin, golden, line().encode(), "jsonl")
    with pytest.raises(ImportRefused) as refused:
        import_questions(admin, golden, line(id="b").encode(), "jsonl")
    assert "key a" in refused.value.faults[0].text


def test_a_question_without_a_key_is_known_by_its_words(admin: User, golden: QuestionSet) -> None:
    data = line(id="").encode()
    import_questions(admin, golden, data, "jsonl")
    assert import_questions(admin, golden, data, "jsonl").unchanged == 1


def test_an_import_is_recorded_without_a_word(admin: User, golden: QuestionSet) -> None:
    import_questions(admin, golden, line(question=LEAVE).encode(), "jsonl")
    entry = Entry.objects.get(action="evaluation.questions.import")
    assert entry.data == {"created": 1, "updated": 0} and entry.target_id == str(golden.pk)


# --- what comes in is checked at the door -------------------------------------------------------
@pytest.mark.parametrize("bad", ["\ud800", "x\x00", "y" * 100_000, "7"])
def test_a_document_that_is_no_id_is_told(bad: str) -> None:
    evidence = [{"file": "a.md", "quote": "So.", "document": bad}]
    [told] = faults(line(evidence=evidence), "jsonl").values()
    assert told.startswith("evidence: `document`")


def test_the_id_of_a_document_is_taken_however_it_is_written() -> None:
    pk = "0D5B9C6E-8C0D-4C2C-9B7E-0A4C2D9F5B11"
    for written in (pk, f"{{{pk}}}", f" {pk.lower()} "):
        evidence = [{"file": "a.md", "quote": "So.", "document": written}]
        [draft] = drafts(line(evidence=evidence), "jsonl")
        assert draft.evidence[0]["document"] == pk.lower()


def test_names_that_nobody_knows_are_told_short_and_readable(
    admin: User, golden: QuestionSet
) -> None:
    odd = {"\ud800": 1, "n" * 150_000: 1}
    ignored = import_questions(admin, golden, line(**odd).encode(), "jsonl").ignored
    assert ignored == ("\N{REPLACEMENT CHARACTER}", "n" * 60 + "…")
    head = "question,file," + "m" * 100_000
    assert import_questions(admin, golden, f"{head}\nA?,a.md,1".encode(), "csv").ignored == (
        "m" * 60 + "…",
    )


def test_a_column_that_is_nothing_but_blanks_and_figures_takes_no_time() -> None:
    name = ("_" * 60_000 + "1") * 2
    assert drafts(f"question,file,{name}a\nWhy?,a.md,\n", "csv")
    assert drafts("question,file,Quote_ 12\nWhy?,a.md,So\n", "csv")[0].evidence[0]["quote"] == "So"


def test_a_file_that_went_out_changes_nothing_when_it_comes_in(
    admin: User, golden: QuestionSet
) -> None:
    pk = "0d5b9c6e-8c0d-4c2c-9b7e-0a4c2d9f5b11"
    evidence = [{"file": "a.md", "quote": "So.", "document": pk}]
    import_questions(admin, golden, line(evidence=evidence).encode(), "jsonl")
    for write, form in ((as_jsonl, "jsonl"), (as_csv, "csv")):
        found = import_questions(admin, golden, write(golden.questions.all()).encode(), form)
        assert (found.updated, found.unchanged) == (0, 1)
    assert golden.questions.get().evidence[0]["document"] == pk
