"""Whether a sentence denies. Pure."""

import re

_DENIALS = {
    "en": r"not|cannot|never|no|none|without|neither|nor|unable|\w+n['’]t",
    "de": r"nicht|nie|niemals|kein|keine|keinen|keinem|keiner|keines|ohne|weder",
    "fr": r"ne|n|pas|jamais|aucun|aucune|sans|ni",
    "es": r"no|nunca|jamás|ningún|ninguno|ninguna|sin|ni",
}
_WORDS = {
    language: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for language, words in _DENIALS.items()
}
#: Answers begin with a word for the question, not for the sentence. "No later than" denies nothing.
_BEGINNING = re.compile(r"^\W*(?:no|nein|non|sí|yes|ja|oui)\b\s*[,.:;–—-]", re.IGNORECASE)
_IDIOMS = re.compile(
    r"\bn(?:o|ot) (?:later|more|less|fewer|longer|only|less)\b|\bne\b[^.]{0,40}\bque\b|\bnicht nur\b"
    r"|\bwhether or not\b|\bif not\b|\bno\.",
    re.IGNORECASE,
)


def denies(text: str, language: str) -> bool:
    """Whether a word of `text` turns what it says into its opposite. False for other languages."""
    words = _WORDS.get(language or "en")
    if words is None:
        return False
    plain = _IDIOMS.sub(" ", _BEGINNING.sub(" ", text))
    return bool(words.search(plain))
