"""Templates for new assistants. Each is a start: whoever takes one changes its words."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Sample:
    name: Words
    description: Words
    instructions: Words
    starters: tuple[Words, ...]
    temperature: float = 0.0


SAMPLES: Mapping[str, Sample] = {
    "legal": Sample(
        name=_("Legal"),
        description=_("Quotes the clause that decides and names its section."),
        instructions=_(
            "Quote the clause that decides word for word and name its section or paragraph. "
            "Then say to whom it applies, under which conditions, until when, and with which exceptions. "
            "Write soberly, and give no advice of your own."
        ),
        starters=(_("Which notice period applies?"), _("Which exceptions are there?")),
    ),
    "safety": Sample(
        name=_("Medical and safety"),
        description=_("Careful: gives limits, units and warnings exactly as they are written."),
        instructions=_(
            "Give doses, limits, times and units exactly as they are written; never round or convert them. "
            "Say for whom and under which conditions they hold, and name each warning beside them. "
            "Where a passage covers only a part of the question, say which part."
        ),
        starters=(_("Which limits must be kept?"), _("What must be done in an emergency?")),
    ),
    "creative": Sample(
        name=_("Creative"),
        description=_("Tells what the documents say in a friendly, lively tone."),
        instructions=_(
            "Write warmly and vividly, as to a colleague over coffee, in the active voice. "
            "The tone is yours, the facts are those of the passages: "
            "add no example, number or promise that does not stand there."
        ),
        starters=(_("What would you tell a new colleague first?"),),
        temperature=0.7,
    ),
    "plain": Sample(
        name=_("Plain words"),
        description=_("Short sentences and everyday words."),
        instructions=_(
            "Write short sentences in everyday words, one thought in each. "
            "Put what the reader has to do first. "
            "Where a passage explains a term or an abbreviation, explain it as well."
        ),
        starters=(_("What do I have to do?"), _("Whom do I ask?")),
    ),
}
