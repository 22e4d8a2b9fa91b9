"""What callers send, read once for every call: no text that a database or a wire would break on."""

import json
from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from ninja.parser import Parser

from audit.problems import Problem


class StrictParser(Parser):
    """Refuses NUL, which PostgreSQL does not store, and halves of surrogate pairs, which no UTF-8 has."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(request.body)
        _check(content)
        return content

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        found: dict[str, Any] = super().parse_querydict(data, list_fields, request)
        if data is request.GET:  # a form's folder path has its own refusal, file by file
            _check(found)
        return found


def _check(content: object) -> None:
    """Looks at every text in `content`, without recursion: its depth is the caller's choice."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and not _is_sound(item):
            detail = _("Send text without NUL and without halves of surrogate pairs.")
            raise Problem(422, "invalid", detail)


def _is_sound(text: str) -> bool:
    return "\x00" not in text and (
        text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
    )
