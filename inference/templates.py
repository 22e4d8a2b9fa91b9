"""The prompt of each family of models, by our own templates in a sandbox.

A model file brings a template too, which is a program: it is looked at to guess the family and
never run. What people and documents say is data here: it is cut out of the rendered text into
segments of its own, so that an engine can tokenize it without special tokens, and the
markers of all families are broken up in it, so that it cannot pretend to be another speaker.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2.sandbox import ImmutableSandboxedEnvironment

from inference.protocol import ChatMessage


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a prompt. Only ours (`trusted`) may hold special tokens."""

    text: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of a family are talked to; `stop` ends their turn, `bos` starts the prompt."""

    name: str
    template: str
    stop: tuple[str, ...]
    markers: tuple[str, ...] = ()
    bos: bool = False


_CHATML = """\
{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
"""
_LLAMA3 = """\
{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>

{{ m.content }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>

"""
_GEMMA = """\
{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else 'user' }}
{{ m.content }}<end_of_turn>
{% endfor %}<start_of_turn>model
"""
_MISTRAL = """\
{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }}</s>{% else %}\
[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"""
_PHI3 = """\
{% for m in messages %}<|{{ m.role }}|>
{{ m.content }}<|end|>
{% endfor %}<|assistant|>
"""
_PLAIN = """\
{% for m in messages %}{{ m.role | capitalize }}: {{ m.content }}

{% endfor %}Assistant:"""

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("chatml", _CHATML, ("<|im_end|>",)),
        Family("llama3", _LLAMA3, ("<|eot_id|>",), bos=True),
        Family(
            "gemma",
            _GEMMA,
            ("<end_of_turn>",),
            ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>"),
            bos=True,
        ),
        Family("mistral", _MISTRAL, ("</s>",), ("[INST]", "[/INST]", "<s>", "</s>"), bos=True),
        Family("phi3", _PHI3, ("<|end|>",), ("<s>", "</s>"), bos=True),
        Family("plain", _PLAIN, ("\nUser:", "\nSystem:"), bos=True),
    )
}

#: Families whose models know no system speaker: its text goes in front of the first user's.
_NO_SYSTEM = {"gemma", "mistral"}
_SIGNS = (
    ("<|im_start|>", "chatml"),
    ("<|start_header_id|>", "llama3"),
    ("<start_of_turn>", "gemma"),
    ("[INST]", "mistral"),
    ("<|assistant|>", "phi3"),
)
_BY_ARCHITECTURE = (("qwen", "chatml"), ("gemma", "gemma"), ("phi3", "phi3"))

#: `<|anything|>` is how most tokenizers write their special tokens.
_PIPED = re.compile(r"<\|(?=[^|<>\n]{1,64}\|>)")
_MARKERS = re.compile(
    "|".join({re.escape(marker) for each in FAMILIES.values() for marker in each.markers})
)
_environment = ImmutableSandboxedEnvironment(
    autoescape=False,
    keep_trailing_newline=True,
)


def guess_family(architecture: str, template: str) -> str:
    """The family of a model by its template's text, else by its architecture, else `plain`."""
    for sign, family in _SIGNS:
        if sign in template:
            return family
    for start, family in _BY_ARCHITECTURE:
        if architecture.startswith(start) and template:
            return family
    return "plain"


def neutralise(text: str) -> str:
    """Break up what looks like a special token of any family: models are made from other models."""
    text = _PIPED.sub("< |", text)
    return _MARKERS.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def render(messages: Sequence[ChatMessage], family: str) -> list[Segment]:
    """The prompt of MESSAGES for a model of FAMILY, in segments: ours, and what was said."""
    chosen = FAMILIES.get(family, FAMILIES["plain"])
    spoken = _merge_system(messages) if chosen.name in _NO_SYSTEM else list(messages)
    nonce = secrets.token_hex(16)
    marked = [{"role": m.role, "content": f"{nonce}:{i}:"} for i, m in enumerate(spoken)]
    text = _environment.from_string(chosen.template).render(messages=marked)
    pieces = re.split(f"{nonce}:([0-9]+):", text)
    return [
        Segment(neutralise(spoken[int(piece)].content), trusted=False)
        if position % 2
        else Segment(piece, trusted=True)
        for position, piece in enumerate(pieces)
        if piece
    ]


def _merge_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    merged: list[ChatMessage] = []
    held = ""
    for message in messages:
        if message.role == "system":
            held += message.content + "\n\n"
        elif message.role == "user":
            merged.append(ChatMessage("user", held + message.content))
            held = ""
        else:
            merged.append(message)
    return [*merged, ChatMessage("user", held.strip())] if held else merged
