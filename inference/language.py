"""Which language a text is in."""

import re
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: Languages that company documents are plausibly in; fewer candidates make fewer odd answers.
LANGUAGES = [
    "ar",
    "bg",
    "ca",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fi",
    "fr",
    "he",
    "hi",
    "hr",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "lt",
    "lv",
    "nb",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sl",
    "sr",
    "sv",
    "th",
    "tr",
    "uk",
    "vi",
    "zh",
]

#: Fewer letters than this decide nothing: "Budget 2025" is a title in a dozen languages.
LEAST_LETTERS = 20
#: CJK needs fewer: each character is a word or a syllable, and the scripts are distinct.
LEAST_CJK = 4
#: More text than this changes no verdict.
SAMPLE_CHARS = 6_000
LEAST_PROBABILITY = 0.7

_LETTER = re.compile(r"[^\W\d_]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_UNREADABLE = re.compile(r"\S*(?:://|@|\d)\S*")


def detect_language(text: str) -> str:
    """ISO 639-1 code of the main language of `text`, "" where that is not clear."""
    sample = _UNREADABLE.sub(" ", _sample(text))
    if found := _by_script(sample):
        return found
    if len(_LETTER.findall(sample)) < LEAST_LETTERS:
        return ""
    code, probability = _identifier().classify(sample)
    return ("no" if code == "nb" else str(code)) if probability >= LEAST_PROBABILITY else ""


def _sample(text: str) -> str:
    """Beginning, middle and end: a foreign cover page must not decide for a document."""
    if len(text) <= SAMPLE_CHARS:
        return text
    part = SAMPLE_CHARS // 3
    middle = len(text) // 2
    return f"{text[:part]} {text[middle : middle + part]} {text[-part:]}"


def _by_script(sample: str) -> str:
    kana, hangul, han = (len(p.findall(sample)) for p in (_KANA, _HANGUL, _HAN))
    letters = len(_LETTER.findall(sample))
    if kana + hangul + han < max(LEAST_CJK, letters // 3):
        return ""
    if hangul > kana + han:
        return "ko"
    return "ja" if kana * 20 > han else "zh"


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in LANGUAGES if code in set(identifier.labels)])
    return identifier
