"""Why a source, or a file of it, cannot be read, in the language of the interface (docs/errors.md)."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ingest import reasons

_SENTENCES: dict[str, str | Promise] = {
    "address-not-allowed": _(
        "No gate for this collection leads to this address. Ask an administrator to add it to "
        "SOVEREIGN_GATES, and to SOVEREIGN_SOURCE_GATES where that is set."
    ),
    "folder-not-allowed": _(
        "This folder may not be watched. Ask an administrator to add it to SOVEREIGN_SOURCE_ROOTS."
    ),
    "secret-missing": _(
        "There is no such secret file. Ask an administrator to lay it into the folder of secrets."
    ),
    "secret-wrong": _("The secret file is not written as docs/sources.md says."),
    "secret-elsewhere": _("The secret file is for another address or another collection."),
    "secret-unencrypted": _(
        "The password would be sent unencrypted, for anyone on the way to read. Use an encrypted address, or "
        "allow it in the source's settings: “Send the password unencrypted”."
    ),
    "source-away": _("The source does not answer. It is asked again by itself."),
    "source-slow": _("The source takes too long to answer."),
    "source-refused": _("The source refuses the account, or the right to read."),
    "source-missing": _("There is no such folder, bucket, mailbox, branch or file."),
    "source-not-mounted": _(
        "Another file system lies at this place than before: is the share mounted?"
    ),
    "source-redirects": _("The source sends us to another address. Enter the right one."),
    "source-certificate": _(
        "The certificate of the source is not trusted, or not the pinned one. Nothing was read."
    ),
    "source-certificates-missing": _("The file of SOVEREIGN_SOURCE_CERTIFICATES cannot be read."),
    "source-cut-off": _("The source broke off in the middle. It is asked again by itself."),
    "source-broken": _("What the source answers cannot be understood."),
    "source-changed-meanwhile": _("It changed while it was read. It is read again by itself."),
    "source-elsewhere": _("The file lies elsewhere (Git LFS); here is only a pointer to it."),
    "source-too-many": _("The source holds more files than SOVEREIGN_SOURCE_MAX_FILES allows."),
    "source-too-large": _("The repository is larger than is fetched (2 GB)."),
    "source-settings": _("The settings of the source are not whole. Enter them anew."),
    "source-taken": _("It was paused, or another worker read it."),
    "file-too-large": _("The file is larger than is taken."),
    "on-hold": _("It is gone at the source and under a legal hold here."),
}


def sentence(code: str) -> str:
    """What people read for a code of a run or of a file."""
    if code in _SENTENCES:
        return str(_SENTENCES[code])
    try:
        return reasons.sentence(code)
    except KeyError:
        return code
