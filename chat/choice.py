"""Which model writes an answer, or none: then the documents are quoted."""

from django.conf import settings
from django.utils.translation import gettext as _

from chat.ask import Ask
from chat.failures import detail_of
from chat.pack import LEAST_TOKENS, OVERHEAD
from inference.protocol import ModelInfo, ModelsClient, ModelsUnavailable

EXTRACTIVE = "extractive"


def chosen_model(client: ModelsClient, wanted: str) -> ModelInfo | None:
    """The model to ask, or None for the extractive answerer. Raises ModelsUnavailable if unknown.

    Whoever names a model gets it, also where it is too slow for everybody else.
    """
    models = client.models()
    if not wanted:
        return models[0] if models and not too_slow(models[0]) else None
    if wanted == EXTRACTIVE:
        return None
    for model in models:
        if model.name == wanted:
            return model
    detail = _("There is no model of that name here. Choose one of GET /api/v1/models.")
    raise ModelsUnavailable("model-unknown", detail, permanent=True)


def model_for(client: ModelsClient, ask: Ask) -> ModelInfo | None:
    """As chosen_model; one that an assistant names and that has gone is told apart from a caller's slip."""
    try:
        return chosen_model(client, ask.model)
    except ModelsUnavailable as error:
        if error.code != "model-unknown" or not ask.assistant or ask.assistant.model != ask.model:
            raise
        code = "assistant-model-gone"
        raise ModelsUnavailable(code, detail_of(code), permanent=True) from error


def too_slow(model: ModelInfo) -> bool:
    """Whether its first word would come later than anybody waits, however little it is given to read."""
    return least_seconds(model) > settings.SLOWEST_FIRST_TOKEN_SECONDS > 0


def least_seconds(model: ModelInfo) -> float:
    """Seconds that this machine reads the shortest prompt; 0 where its speed is not known yet."""
    speed = model.speed.prompt
    return (LEAST_TOKENS + OVERHEAD) / speed if speed > 0 else 0.0
