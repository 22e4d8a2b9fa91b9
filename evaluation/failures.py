"""Why a run, or one question of it, failed: a sentence for each code (docs/errors.md)."""

from django.utils.translation import gettext as _

from chat import failures


def detail_of(code: str) -> str:
    """What to do about it, in the language of the interface."""
    return {
        "worker-lost": _(
            "The worker was lost several times at the same question. Look into its log, run again."
        ),
        "run-forbidden": _(
            "Whoever started the run may not read all collections of the set any more."
            " Somebody who may runs it again."
        ),
        "assistant-changed": _(
            "The assistant was changed while the run asked: the answers would be of two. Run again."
        ),
        "index-gone": _("The index that was measured is not there any more. Run again."),
        "index-switched": _(
            "Another index was put to use while the run asked. Answers come from the one in use:"
            " run again."
        ),
        "no-questions": _("The set has no accepted question any more. Accept or add some."),
        "run-crashed": _("Something went wrong here. Run again; the log has the details."),
    }.get(code) or failures.detail_of(code)
