"""What went wrong, for the caller: a status, a stable code, one sentence that says what to do.

Raised by the services of every room. The API answers with it as RFC 9457 problem+json
(sovereign/api.py); pages show `detail` beside the form.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpResponse
from django.utils.functional import Promise


class Problem(Exception):
    """`status` is the HTTP status, `code` never changes, `detail` is shown to people.

    `extra` is added to the JSON body, `headers` to the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str | Promise,
        *,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def as_response(self) -> HttpResponse:
        body = {
            **self.extra,
            "type": f"urn:sovereign:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": str(self.detail),
            "code": self.code,
        }
        return HttpResponse(
            json.dumps(body, ensure_ascii=False),
            status=self.status,
            content_type="application/problem+json",
            headers=self.headers,
        )
