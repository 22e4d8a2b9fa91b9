"""Why something was not done with a model: a status and a sentence for each code (docs/errors.md)."""

from django.utils.translation import gettext_lazy as _

from audit.problems import Problem
from inference.protocol import ModelsUnavailable

NOT_THERE = {"model-unknown", "upload-unknown", "job-unknown"}
CONFLICTS = {
    *("model-active", "model-busy", "model-needed", "nothing-before", "jobs-full"),
    *("models-elsewhere", "desk-elsewhere", "upload-place", "switch-busy", "job-goes-on"),
}
AWAY = {"models-down", "models-silent", "models-lost", "models-loading", "not-found"}


#: By code; those whose own sentence has figures in it are not here.
SENTENCES = {
    "model-missing": _("Its file is not there. Put it back, or remove the model here."),
    "model-changed": _(
        "Its file is not the one that it was, so it is not loaded. Put the right file back, or "
        "remove the model here and register it again."
    ),
    "model-damaged": _("This is not a GGUF file that can be used. Copy it again."),
    "model-unknown": _("There is no model of that name here."),
    "model-active": _("It is in use. Activate another one first."),
    "model-busy": _("It is at work. Try again in a moment."),
    "model-place": _(
        "Only files in the models folder, or in a folder that SOVEREIGN_MODEL_FOLDERS names, can be "
        "registered. Put the file there, or upload it."
    ),
    "model-not-loaded": _(
        "It could not be loaded: its format may be too new, or the memory too small."
    ),
    "nothing-before": _("No other model was active before this one."),
    "switch-busy": _(
        "Answers are still being written, and both models do not fit into the memory at once. "
        "The old model goes on. Try again when less goes on."
    ),
    "measured-beside": _(
        "Others were answered at the same time, so this says nothing. Measure again later."
    ),
    "measured-late": _(
        "It did not read and write a few words in five minutes. Measure again when less goes on."
    ),
    "job-stopped": _("It was stopped."),
    "job-goes-on": _("Only a try and a measurement can be stopped: this goes on."),
    "jobs-full": _("Too much waits already. Try again when it is done."),
    "job-unknown": _(
        "The models process was started anew meanwhile. Look at the list, and try again."
    ),
    "job-lost": _(
        "The models process was started anew meanwhile. Look at the list, and try again."
    ),
    "adapter-base": _(
        "Choose the chat model that this adapter was trained on: its architecture is another."
    ),
    "adapter-unknown": _("This is neither a model nor a LoRA adapter."),
    "models-elsewhere": _(
        "Answers come from another server, as the settings say. Change the model there."
    ),
    "desk-elsewhere": _(
        "The models run on another machine. Use `manage.py models` on that machine."
    ),
    "models-down": _("The models process is not running just now. Try again in a moment."),
    "models-silent": _("The models process did not answer in time. Try again in a moment."),
    "upload-unknown": _("There is no such upload. Begin it again."),
}


def sentence(code: str) -> str:
    """In the language of the interface; empty where the models process has the better one."""
    return str(SENTENCES.get(code, ""))


def problem_of(error: ModelsUnavailable) -> Problem:
    """What the desk refused, for who asked."""
    if error.code in NOT_THERE:
        status = 404
    elif error.code in CONFLICTS:
        status = 409
    else:
        status = 503 if error.code in AWAY else 422
    return Problem(status, error.code, sentence(error.code) or error.detail)
