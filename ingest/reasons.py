"""Why a file cannot be read, in the language of the interface.

The readers are pure and speak English, with figures: what they said stays in the row and is shown to
English readers. Others get the sentence of its code (docs/errors.md).
"""

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


def reason(code: str, detail: str) -> str:
    """Return `detail`, or a translated sentence for `code` where the interface is not English."""
    if (get_language() or "en").startswith("en"):
        return detail
    return str(_SENTENCES.get(code, detail))


def sentence(code: str) -> str:
    """What people read for a code of ours, in the language of the interface."""
    return str(_SENTENCES[code])


def known(code: str) -> bool:
    return code in _SENTENCES


#: What is not the file's own fault (docs/errors.md, "again"): the same file may be read later.
_AGAIN = frozenset(
    {
        "cancelled",
        "disk-full",
        "forbidden",
        "internal-error",
        "key-missing",
        "needs-libreoffice",
        "not-findable",
        "ocr-unavailable",
        "page-busy",
        "parse-memory",
        "scanner-unavailable",
        "slides-need-libreoffice",
        "slides-too-slow",
        "vectors-unavailable",
        "worker-lost",
    }
)


def may_help_again(code: str) -> bool:
    """Whether the same file, tried once more, may end otherwise."""
    return code in _AGAIN or code.startswith("model")


_SENTENCES: dict[str, str | Promise] = {
    "empty-file": _("The file is empty. Upload the right one."),
    "unsupported-format": _(
        "Files of this kind cannot be read. Save it as PDF, or in an Office or OpenDocument format."
    ),
    "encrypted": _("The file is protected with a password or encrypted. Upload a copy without it."),
    "damaged": _(
        "The file is damaged or cut off. Open it in the program that made it and save it anew."
    ),
    "page-missing": _("The document has no such page."),
    "unsafe-file": _(
        "The file declares XML entities. Save it anew in an office program, which writes none."
    ),
    "archive-too-large": _(
        "The file unpacks to more than is allowed. Save it anew, with fewer or smaller pictures."
    ),
    "nested-too-deep": _(
        "The file nests too many elements. Save it anew in a simpler form, or as text."
    ),
    "too-many-pages": _("The file has more pages than are allowed. Split it."),
    "picture-too-large": _(
        "The picture has more pixels than are read. Save it smaller: 300 pixels an inch are enough."
    ),
    "ocr-unavailable": _(
        "Pages are pictures, and text recognition is not available. Ask an administrator."
    ),
    "too-much-text": _("The file holds more text than is allowed. Split it."),
    "no-text": _(
        "The file holds no text, and none was recognised in its pictures. Upload a version with text."
    ),
    "not-findable": _(
        "The document was read, but a search for its own words does not find it. Try again."
    ),
    "parse-timeout": _("Reading the file took too long. Split it, or change its format."),
    "parse-memory": _("Reading the file took too much memory. Split it, or change its format."),
    "parse-crashed": _("The reader broke on the file. Save it anew and try again."),
    "no-files": _("No file of the archive could be taken. Upload them one by one."),
    "too-many-files": _("The archive holds more files than are allowed. Split it into parts."),
    "forbidden": _(
        "Whoever uploaded the archive may not add to this collection any more. Ask a manager."
    ),
    "archive-too-deep": _("Archives lie in each other too deeply. Unpack it, upload the files."),
    "erased-here": _(
        "Somebody erased this file here, so it is left out. To have it back, upload it by itself."
    ),
    "needs-libreoffice": _(
        "Old Word and PowerPoint files cannot be read here. Save the file as DOCX or PPTX."
    ),
    "convert-failed": _(
        "LibreOffice cannot read the file. Open it where it was made and save it as DOCX or PPTX."
    ),
    "slides-need-libreoffice": _(
        "Slides are drawn by LibreOffice, which is not installed on this server."
    ),
    "slides-too-slow": _("Drawing the slides takes longer than is allowed on this server."),
    "slides-undrawn": _("LibreOffice cannot draw these slides."),
    "slides-differ": _(
        "LibreOffice draws another number of slides than the file holds, so which is which is not sure."
    ),
    "malware-found": _(
        "The malware scanner refuses this file. Do not upload it; ask whoever it came from."
    ),
    "scanner-limit": _(
        "The file is larger than the malware scanner takes. Split it, or ask an administrator."
    ),
    "scanner-unavailable": _(
        "The malware scanner does not answer, so no files are taken. Try again, or tell an administrator."
    ),
    "original-missing": _(
        "The stored file is gone. Delete this entry, then upload the file again."
    ),
    "original-damaged": _(
        "The stored file is not what was uploaded. Delete this entry, then upload the file again."
    ),
    "key-missing": _(
        "The key of the stored files is missing. Tell an administrator: manage.py doctor says why."
    ),
    "archive-not-ours": _("This is no archive of a collection. Choose one that was exported."),
    "archive-version": _(
        "The archive is of another version of the product. Export it anew, or update this server."
    ),
    "archive-damaged": _(
        "The archive is damaged or was changed: what it holds is not what its manifest says. Get it anew."
    ),
    "archive-names": _("The archive holds other files than its manifest lists. Get it anew."),
    "archive-bounds": _(
        "The archive is larger than is taken here, or unpacks to more. Ask an administrator."
    ),
    "archive-signature": _("The signature of the archive does not fit. Get it anew."),
    "archive-content": _("Something in the archive is not what an export holds. Get it anew."),
    "archive-locked": _(
        "The archive is under a passphrase: none was given, or another one, or the archive was changed."
    ),
    "archive-incomplete": _(
        "A stored file could not be read, so nothing was exported. Tell an administrator."
    ),
    "transfer-not-allowed": _("Whoever asked for it may not do this any more. Ask a manager."),
    "transfer-given-up": _("It was given up."),
    "export-withdrawn": _("A document that it holds was erased, so it is gone. Export again."),
    "export-over": _(
        "This export is gone: its time has passed, or it was taken away. Export again."
    ),
    "too-many-imports": _("Your other imports are not done. Wait for them, or give them up."),
    "import-not-asking": _(
        "This import does not ask about so many documents. Look at its page again."
    ),
    "worker-lost": _("Reading this file stopped the worker several times. Try a simpler version."),
    "cancelled": _("It was stopped. Read it again when you like."),
    "internal-error": _("Something went wrong inside. Try again, or tell an administrator."),
}
