"""Words of questions meet words of documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.language import LANGUAGES, detect_language
from ingest.terms import STEMMERS, query_terms, terms


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "terminate", "terminating"),
        ("en", "the employee's policies", "the employee policy"),
        ("en", "e-mail", "email"),
        ("de", "Kündigungsfristen", "Kundigungsfrist"),
        ("de", "STRASSE", "Straße"),
        ("fr", "l\u2019employé", "employe"),
        ("fr", "congés", "conges"),
        ("es", "vacaciónes", "vacaciones"),
        ("en", "ＧＳ－１３", "GS-13"),
        ("en", "GS13", "gs-13"),
        ("en", "1,000", "1000"),
        ("de", "10.000,00 €", "$10,000"),
        ("de", "12,5 %", "12.5%"),
        ("en", "10000.50", "10,000.5"),
        ("en", "SKU-0042-X", "sku 0042"),
        ("en", "Form 12-302", "12302"),
        ("ko", "연차를", "연차는"),
        ("zh", "年假", "员工年假规定"),
        ("ja", "ﾀﾜｰの高さ", "東京タワー"),
        ("ja", "解約", "中途解約の条件"),
        ("th", "ภาษา", "ภาษาไทย"),
        ("", "running", "runs"),
    ],
)
def test_these_meet(language: str, one: str, other: str) -> None:
    assert set(terms(one, language)) & set(terms(other, language))


@pytest.mark.parametrize(
    "whole", ["a-123/b", "gs-13", "2.5.1", "j.doe@example.org", "51.75", "c++", "iso_9001:2015"]
)
def test_identifiers_stay_whole(whole: str) -> None:
    assert whole in terms(f"See {whole.upper()}, please.", "en")


def test_identifiers_also_as_parts() -> None:
    assert terms("A-123/b", "en") == ["a-123/b", "a123b", "a", "123", "b"]
    assert {"doe", "exampl", "org"} <= set(terms("j.doe@example.org", "en"))
    assert "251" not in terms("2.5.1", "en")


def test_german_compounds_are_left_alone() -> None:
    assert terms("Arbeitszeitgesetz", "de") == ["arbeitszeitgesetz"]


def test_questions_lose_their_stop_words() -> None:
    assert query_terms("What's the maximum number of hours I can carry over?", "en") == [
        "maximum",
        "number",
        "hour",
        "carri",
    ]
    assert query_terms("Wie viele Urlaubstage habe ich?", "de") == ["urlaubstag"]
    assert query_terms("Leave, leave and leaves", "en") == ["leav"]


def test_a_question_of_stop_words_keeps_them() -> None:
    assert query_terms("Who are you?", "en") == ["who", "are", "you"]


def test_every_stemmer_exists() -> None:
    for language in STEMMERS:
        assert terms("x organisation", language)


@given(st.text(max_size=300), st.sampled_from(["", "en", "de", "fr", "ja", "xx"]))
def test_any_text(text: str, language: str) -> None:
    for term in terms(text, language):
        assert term and len(term) <= 300
        assert not any(character.isspace() for character in term)
    assert set(query_terms(text, language)) <= set(terms(text, language))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many days of annual leave do I have?", "en"),
        ("Wie viele Urlaubstage habe ich im Jahr?", "de"),
        ("Combien de jours de congé ai-je par an ?", "fr"),
        ("¿Cuántos días de vacaciones tengo al año?", "es"),
        ("有給休暇は何日ありますか", "ja"),
        ("年假有多少天", "zh"),
        ("연차 휴가는 며칠입니까", "ko"),
        ("Budget 2025", ""),
        ("https://example.org/a/very/long/path/of/english/words", ""),
        ("", ""),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert detect_language(text) == language


@given(st.text(max_size=200))
def test_any_text_has_a_language_or_none(text: str) -> None:
    assert detect_language(text) in {*LANGUAGES, ""}
