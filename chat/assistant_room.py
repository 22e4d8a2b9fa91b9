"""Whether instructions leave the passages their room, in letters at once and in a model's own tokens."""

from django.conf import settings
from django.utils.translation import gettext as _

from audit.problems import Problem
from chat.choice import chosen_model
from chat.pack import fits
from inference.client import get_client
from inference.protocol import ModelsUnavailable


def require_room(instructions: str, model: str) -> None:
    """Raises Problem `instructions-too-long`. Where no model can be asked, letters alone are counted."""
    most = settings.MAX_INSTRUCTION_CHARS
    if len(instructions) > most:
        detail = _("The instructions have %(have)d letters; at most %(most)d fit. Shorten them.")
        raise Problem(
            422, "instructions-too-long", detail % {"have": len(instructions), "most": most}
        )
    if instructions and not _fits(instructions, model):
        detail = _("These instructions leave the model no room for passages. Shorten them.")
        raise Problem(422, "instructions-too-long", detail)


def _fits(instructions: str, model: str) -> bool:
    client = get_client()
    try:
        info = chosen_model(client, model)
        [tokens] = client.count([instructions], model=info.name) if info else [0]
    except ModelsUnavailable:
        return True
    return info is None or fits(info.context, settings.MAX_ANSWER_TOKENS, tokens)
