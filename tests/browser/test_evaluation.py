"""Golden questions in a real browser: imported, asked, compared; narrow and wide, light and dark."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.contents import HANDBOOK
from tests.browser.test_looks import LOOKS, fits, options

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SAMPLES = Path(settings.BASE_DIR) / "samples" / "questions.jsonl"
SET = "Questions of the samples"
#: So many as the handbook's own golden questions.
MANY = 133
LONG = 240_000

SignIn = Callable[..., Page]
Picture = Callable[[Page, str], Path]


def make_set(page: Page, name: str) -> None:
    page.get_by_role("link", name="Evaluation").click()
    page.locator("#set-new").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Sample handbook").check()
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def import_file(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Import").first.click()
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Import").click()


def run(page: Page, name: str, label: str, kind: str = "") -> None:
    """Start a run of the set from its page, and wait until it is done."""
    page.goto("/evaluation/")
    page.get_by_role("link", name=name).click()
    page.locator("#run-start").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Label").fill(label)
    if kind:
        dialog.get_by_label(kind).check()
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(label)
    expect(page.locator("#run .badge").first).to_have_text("Done", timeout=LONG)


def ready(page: Page) -> None:
    """The set of the samples with two runs, made once; at its page."""
    page.goto("/evaluation/")
    if page.get_by_role("link", name=SET).count() == 0:
        make_set(page, SET)
        import_file(page, SAMPLES)
        run(page, SET, "As it is")
        run(page, SET, "Once more")
        page.goto("/evaluation/")
    page.get_by_role("link", name=SET).click()


def made(folder: Path, count: int) -> Path:
    """A file of that many questions, on documents that are there."""
    names = {Path(name).name for name in HANDBOOK}
    rows = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]
    fit = [row for row in rows if {Path(e["file"]).name for e in row["evidence"]} & names]
    file = folder / "made.jsonl"
    with file.open("w", encoding="utf-8") as opened:
        for n in range(count):
            row = fit[n % len(fit)]
            words = row["question"] if n < len(fit) else f"{row['question']} ({n // len(fit)})"
            opened.write(json.dumps(row | {"id": f"made-{n:03}", "question": words}) + "\n")
    return file


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_pages_fit(sign_in: SignIn, picture: Picture, size: str, theme: str) -> None:
    page = sign_in("greta", **options(size, theme))

    def look(name: str) -> None:
        fits(page)
        picture(page, f"evaluation-{name}-{size}-{theme}")

    ready(page)
    look("set")
    page.locator("#run-start").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look("start")
    page.keyboard.press("Escape")
    page.goto("/evaluation/")
    look("sets")
    page.get_by_role("link", name=SET).click()
    page.get_by_role("link", name="Import").first.click()
    look("import")
    page.go_back()
    page.get_by_role("link", name="Once more", exact=True).click()
    look("run")
    page.locator("#results-title").scroll_into_view_if_needed()
    look("results")
    page.locator("#results a.doc-name").first.click()
    look("result")
    page.go_back()
    page.get_by_role("link", name="Compare").click()
    look("compare")
    page.goto("/evaluation/")
    page.get_by_role("link", name=SET).click()
    page.locator("#questions a.doc-name").first.click()
    look("question")
    page.goto("/evaluation/indexes")
    look("indexes")


def test_questions_are_imported_asked_and_compared(sign_in: SignIn) -> None:
    page = sign_in("greta")
    ready(page)
    expect(page.locator("#questions tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#questions tbody tr")).to_have_count(18)
    page.get_by_label("Language").select_option("de")
    expect(page.locator("#questions tbody tr").first).to_contain_text("de")
    page.get_by_role("link", name="As it is", exact=True).click()
    expect(page.locator("#run")).to_contain_text("68 of 68 questions")
    page.locator("#results").get_by_text("sample-001").wait_for()
    page.get_by_label("Only failures").check()
    expect(page.locator("#results")).not_to_contain_text("sample-001")
    expect(page.get_by_label("Only failures")).to_be_focused()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare two runs")
    expect(page.locator(".compared tbody tr").first).to_contain_text("0, 0")
    expect(page.get_by_role("main")).to_contain_text("both runs had the same settings")
    page.get_by_label("Show").focus()
    page.get_by_label("Show").select_option("won")
    expect(page.get_by_role("main")).to_contain_text("No question was won or lost")
    expect(page.get_by_label("Show")).to_be_focused()


def test_a_run_of_133_questions_is_watched_to_its_end(
    sign_in: SignIn, picture: Picture, tmp_path: Path
) -> None:
    page = sign_in("greta")
    page.goto("/evaluation/")
    make_set(page, "Many")
    import_file(page, made(tmp_path, MANY))
    expect(page.locator("#messages")).to_contain_text(f"{MANY} questions are new")
    run(page, "Many", "All of them")
    expect(page.locator("#run")).to_contain_text(f"{MANY} of {MANY} questions")
    expect(page.locator(".bars .share").first).to_be_visible()
    expect(page.locator("#results tbody tr")).to_have_count(50)
    fits(page)
    picture(page, "evaluation-133")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="JSON").click()
    waiting.value.save_as(tmp_path / "run.json")
    content = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert len(content["results"]) == MANY
    page.locator("#run-delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the run").click()
    expect(page.locator("#messages")).to_contain_text("The run is deleted")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_what_other_thresholds_would_refuse_is_drawn(
    sign_in: SignIn, picture: Picture, tmp_path: Path, size: str, theme: str
) -> None:
    page = sign_in("greta", **options(size, theme))
    page.goto("/evaluation/")
    if page.get_by_role("link", name="Refusing").count() == 0:
        make_set(page, "Refusing")
        import_file(page, SAMPLES)
        run(page, "Refusing", "Answers", "Answering")
    else:
        page.get_by_role("link", name="Refusing").click()
        page.get_by_role("link", name="Answers", exact=True).click()
    curve = page.locator("#curve")
    expect(curve.get_by_role("img", name="When it refuses")).to_be_visible()
    curve.get_by_text("The same as a table").click()
    expect(curve.locator("tbody tr")).to_have_count(21)
    curve.scroll_into_view_if_needed()
    fits(page)
    picture(page, f"evaluation-curve-{size}-{theme}")


def test_what_is_wrong_with_a_file_is_said_for_each_line(
    sign_in: SignIn, picture: Picture, watch: Watch, tmp_path: Path
) -> None:
    page = sign_in("greta")
    watch.allowed.append("422")
    ready(page)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "a"}\nnot JSON <b>at all</b>\n', encoding="utf-8")
    import_file(page, bad)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was imported")
    expect(page.locator(".figures tbody tr")).to_have_count(2)
    fits(page)
    picture(page, "evaluation-faults")


def test_a_question_is_written_by_keyboard(sign_in: SignIn) -> None:
    page = sign_in("greta")
    page.goto("/evaluation/")
    make_set(page, "Written")
    page.get_by_role("link", name="New question").first.click()
    page.get_by_label("Question", exact=True).fill("How many days of leave are there?")
    page.get_by_label("File", exact=True).fill("annual-leave.md")
    page.get_by_label("Quote", exact=True).fill("28 days of annual leave")
    page.get_by_role("button", name="Add a quote").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("File", exact=True).nth(1)).to_be_focused()
    page.keyboard.type("annual-leave.md")
    page.get_by_label("Quote", exact=True).nth(1).fill("They must be taken by 31 March")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    page.locator("#questions a.doc-name").click()
    expect(page.get_by_label("File", exact=True)).to_have_count(3)
    expect(page.get_by_label("Quote", exact=True).nth(1)).to_have_value(
        "They must be taken by 31 March"
    )
    page.locator("#delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No question yet")).to_be_visible()


def test_an_answer_becomes_a_question(sign_in: SignIn, picture: Picture) -> None:
    greta = sign_in("greta")
    ready(greta)
    page = sign_in("bob")
    page.get_by_label("Your question").fill("How long is the probation of somebody who is new?")
    page.keyboard.press("Enter")
    offered = page.get_by_role("link", name="Suggest as a test question")
    offered.click(timeout=LONG)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("with your name")
    picture(page, "evaluation-suggest")
    dialog.get_by_role("button", name="Suggest").click()
    expect(dialog).to_contain_text("Thank you")
    dialog.get_by_role("link", name="Close").click()
    expect(offered).to_be_focused()
    greta.reload()
    expect(greta.locator("#questions tbody tr").first).to_contain_text("probation")
    picture(greta, "evaluation-suggested")
    greta.get_by_role("link", name=re.compile("^Refuse")).click()
    greta.get_by_role("dialog").get_by_role("button", name="Refuse").click()
    expect(greta.locator("#messages")).to_contain_text("deleted")


def test_an_index_is_built_measured_and_given_up(sign_in: SignIn, picture: Picture) -> None:
    page = sign_in("greta")
    ready(page)
    page.get_by_role("link", name="Search index").click()
    page.get_by_role("button", name="Build").click()
    expect(page.get_by_text("Built", exact=True)).to_be_visible(timeout=LONG)
    fits(page)
    picture(page, "evaluation-index-built")
    page.get_by_role("link", name=SET).click()
    page.get_by_label("Label").fill("The other index")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#run .badge").first).to_have_text("Done", timeout=LONG)
    page.get_by_role("link", name="Search index").click()
    page.locator("#index-give-up").click()
    page.get_by_role("dialog").get_by_role("button", name="Give up").click()
    expect(page.get_by_role("button", name="Build")).to_be_visible()


def test_others_have_no_way_in(sign_in: SignIn, watch: Watch) -> None:
    page = sign_in("alice")
    watch.allowed.append("403")
    expect(page.get_by_role("link", name="Evaluation")).to_have_count(0)
    answer = page.goto("/evaluation/")
    assert answer is not None and answer.status == 403
