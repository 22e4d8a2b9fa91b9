"""Why an answer failed: a sentence for each code (docs/errors.md). Rows keep the code alone."""

from django.utils.translation import gettext as _

from chat.events import Failed


def detail_of(code: str) -> str:
    """What to do about a failure, in the language of the interface."""
    return {
        "interrupted": _(
            "This answer was cut off because a part of the product restarted. Ask again."
        ),
        "models-down": _("The model is not running just now. Wait a moment and ask again."),
        "models-silent": _("The model did not answer in time. Ask again."),
        "generation-late": _(
            "The answer took longer than it was given. Ask again when less is going on."
        ),
        "models-lost": _("The model ended in the middle of the answer. Ask again."),
        "model-missing": _("The file of the chat model is not there. Tell an administrator."),
        "models-loading": _("The model is still loading. Wait a moment and ask again."),
        "context-too-long": _(
            "The question with its passages is too long for this model. Shorten it."
        ),
        "vectors-unavailable": _("The search index is not reachable. Wait a moment and ask again."),
        "model-unknown": _("There is no model of that name here. Choose another."),
        "assistant-model-gone": _(
            "The model that this assistant was set up with is not here any more. Ask without the "
            "assistant, or tell whoever looks after it to choose another model."
        ),
        "assistant-closed": _(
            "This assistant is not open to you any more. Choose another, or ask without one."
        ),
        "assistant-nowhere": _(
            "You may read none of the collections that this assistant would search. "
            "Choose others, ask without it, or ask whoever manages them."
        ),
        "instructions-too-long": _(
            "The instructions of this assistant leave the model no room for passages. "
            "Tell whoever looks after it."
        ),
        "too-many-answers": _(
            "Too many of your questions are being answered. Wait for one to end."
        ),
        "internal-error": _("Something went wrong here. Ask again; the log has the details."),
    }.get(
        code,
        _("The answer could not be written. Ask again; if it stays so, tell an administrator."),
    )


def failed(code: str) -> Failed:
    return Failed(code, detail_of(code))
