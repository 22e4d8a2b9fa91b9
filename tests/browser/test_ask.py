"""Asking in a real browser: sources first, then the answer, then each citation's passage."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Watch

pytestmark = pytest.mark.browser

LEAVE = "How many days of annual leave does a full-time employee have in each calendar year?"
ANSWERED = ".exchange:last-child .answer:not([data-stream])"

#: Notes in which order the parts of an answer came into the page.
WATCH_ORDER = """() => {
  window.order = [];
  new MutationObserver(() => {
    const answer = document.querySelector(".answer[data-stream]");
    if (!answer) return;
    const note = (what) => window.order.includes(what) || window.order.push(what);
    if (answer.querySelector(".source")) note("sources");
    if (answer.querySelector("[data-text]").textContent) note("words");
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def answered(page: Page, question: str) -> None:
    ask(page, question)
    expect(page.locator(".exchange:last-child .question")).to_have_text(question)
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)


def test_sources_are_shown_before_the_first_word(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    page.evaluate(WATCH_ORDER)
    answered(page, LEAVE)
    assert page.evaluate("window.order") == ["sources", "words"]
    expect(page.locator(f"{ANSWERED} .prose")).to_contain_text("28 days")
    assert re.search(r"/c/[0-9a-f-]{36}$", page.url)


def test_a_citation_opens_its_passage_and_the_place_in_the_document(
    sign_in: Callable[..., Page],
) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.locator(f"{ANSWERED} .cite").first.click()
    source = page.locator("#viewer")
    expect(source.locator("mark")).to_contain_text("28 days")
    source.get_by_role("link", name="Open in the document").click()
    wanted = page.locator(".chunk:target")
    expect(wanted.locator("mark")).to_contain_text("28 days")
    expect(wanted).to_be_in_viewport()


def test_a_reload_shows_the_same_answer_and_a_follow_up_goes_on(
    sign_in: Callable[..., Page],
) -> None:
    page = sign_in("bob")
    answered(page, LEAVE)
    page.reload()
    expect(page.locator(f"{ANSWERED} .cite").first).to_be_visible()
    answered(page, "And how many days of annual leave can be carried over?")
    expect(page.locator(".exchange")).to_have_count(2)
    expect(page.locator(".conversations li")).to_have_count(1)


def test_what_the_documents_do_not_say_is_said_so(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, "Who won the chess olympiad in Tbilisi?")
    expect(page.locator(ANSWERED)).to_contain_text("The documents do not say.")
    expect(page.locator(f"{ANSWERED} .cite")).to_have_count(0)


def test_stop_keeps_what_was_written(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    ask(page, "How does the ballad of the lighthouse go?")
    expect(page.locator("[data-text]")).to_contain_text("over the water")
    page.get_by_role("button", name="Stop the answer").click()
    said = "This answer was stopped, or its page was left, before it was done."
    expect(page.locator(ANSWERED)).to_contain_text(said)
    expect(page.locator(f"{ANSWERED} .prose")).to_contain_text("over the water")
    expect(page.locator(f"{ANSWERED} .prose")).not_to_contain_text("to its end")
    expect(page.get_by_role("button", name="Send the question")).to_be_visible()


def test_two_people_see_their_own_conversations_only(sign_in: Callable[..., Page]) -> None:
    alice = sign_in("alice")
    answered(alice, "How many days may I work remotely from home in a week?")
    erin = sign_in("erin")
    expect(erin.locator(".conversations")).not_to_contain_text("remotely")


def test_a_conversation_is_renamed_and_deleted(sign_in: Callable[..., Page]) -> None:
    page = sign_in("erin")
    answered(page, LEAVE)
    page.get_by_role("link", name="Rename").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Days off")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".conversations .current")).to_contain_text("Days off")
    page.get_by_role("link", name="Delete Days off").click()
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Delete Days off").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("#messages")).to_contain_text("deleted")
    expect(page.locator(".conversations")).not_to_contain_text("Days off")


def test_a_question_that_is_too_long_cannot_be_sent(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    page.get_by_label("Your question").fill("word " * 1_000)
    expect(page.locator("#question-count")).to_have_text("4999 / 4000")
    expect(page.get_by_role("button", name="Send the question")).to_be_disabled()
    page.keyboard.press("Enter")
    expect(page.locator(".exchange")).to_have_count(0)


def test_no_collection_chosen_is_refused_in_words(
    sign_in: Callable[..., Page], watch: Watch
) -> None:
    page = sign_in("alice")
    page.get_by_text("All collections").click()
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.keyboard.press("Escape")
    watch.allowed.append("422")
    ask(page, LEAVE)
    expect(page.locator("#composer-error")).to_have_text("Choose at least one collection to ask.")


def test_only_the_chosen_collection_is_asked(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    page.get_by_text("All collections").click()
    # Alice has what other tests of this run made for her, too.
    for label in page.locator("[data-scope] label.check").filter(has_not_text="Poems").all():
        label.get_by_role("checkbox").uncheck()
    expect(page.locator("[data-scope-label]")).to_have_text("Poems")
    answered(page, LEAVE)
    expect(page.locator(ANSWERED)).to_contain_text("The documents do not say.")


def test_everything_works_by_keyboard(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    page.get_by_label("Your question").focus()
    page.keyboard.type("How many days of annual leave")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("does a full-time employee have in each calendar year?")
    page.keyboard.press("Enter")
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
    cite = page.locator(f"{ANSWERED} .cite").first
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if cite.evaluate("element => element === document.activeElement"):
            break
    expect(cite).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(cite).to_be_focused()


def test_the_skip_link_is_the_first_stop(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    page.goto("/collections")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_a_lost_stream_still_ends_with_the_answer(
    sign_in: Callable[..., Page], watch: Watch
) -> None:
    page = sign_in("alice")
    watch.allowed.append("ERR_FAILED")
    broken: list[str] = []

    def cut_once(route: Route) -> None:
        if broken:
            route.continue_()
            return
        broken.append(route.request.url)
        route.abort()

    page.route("**/answers/*/stream", cut_once)
    answered(page, LEAVE)
    expect(page.locator(f"{ANSWERED} .prose")).to_contain_text("28 days")
    assert broken


def test_a_private_question_is_answered_and_forgotten(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    before = page.locator("#conversations li").count()
    page.get_by_role("switch", name="Private").click()
    expect(page.get_by_role("note")).to_contain_text("Nothing you ask here is kept")
    ask(page, LEAVE)
    answer = page.locator(".exchange:last-child .answer:not([data-private])")
    expect(answer.locator(".prose")).to_contain_text("28 days", timeout=60_000)
    answer.locator(".cite").first.click()
    expect(page.locator("#viewer mark").first).to_contain_text("28 days")
    page.keyboard.press("Escape")
    expect(answer.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    expect(answer.get_by_role("button", name="Helpful")).to_have_count(0)
    assert "?private" in page.url and "/c/" not in page.url
    page.reload()
    expect(page.locator(".exchange")).to_have_count(0)
    assert page.locator("#conversations li").count() == before


def test_asked_in_other_words_the_old_answer_is_one_step_away(
    sign_in: Callable[..., Page],
) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.get_by_role("link", name="Ask in other words").click()
    box = page.locator("#dialog textarea")
    expect(box).to_have_value(LEAVE)
    box.fill("How many days of leave can be carried over?")
    page.locator("#dialog").get_by_role("button", name="Ask").click()
    expect(page.locator(".exchange .question")).to_have_text(
        "How many days of leave can be carried over?"
    )
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Answer 2 of 2")).to_be_visible()
    page.get_by_role("button", name="The answer before this one").click()
    expect(page.locator(".exchange .question")).to_have_text(LEAVE)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_text("Answer 3 of 3")).to_be_visible()
    expect(page.locator(ANSWERED)).to_be_visible(timeout=60_000)


def test_who_was_not_helped_says_why(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("Something is missing").check()
    page.get_by_label("In your words").fill("Nothing of part-time work.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Thank you.")).to_be_visible()


def test_a_conversation_is_taken_along(sign_in: Callable[..., Page]) -> None:
    page = sign_in("alice")
    answered(page, LEAVE)
    page.get_by_text("Take along").click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="PDF").click()
    assert taken.value.path().read_bytes().startswith(b"%PDF")
