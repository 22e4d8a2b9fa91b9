"""The pages for when something is wrong: whole, without trace, even where nothing else works."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory
from django.views import csrf, defaults

from audit.context import request_id
from tests.people import CANARY


def answer_of(status: int, request: HttpRequest) -> HttpResponse:
    if status == 500:
        return defaults.server_error(request)
    if status == 400:
        return defaults.bad_request(request, SuspiciousOperation(CANARY))
    if status == 403:
        return defaults.permission_denied(request, PermissionDenied(CANARY))
    return defaults.page_not_found(request, Http404(CANARY))


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_page(db: None, status: int) -> None:
    answer = answer_of(status, RequestFactory().get(f"/{CANARY}"))
    content = answer.content.decode()
    assert answer.status_code == status
    assert "</html>" in content and "<h1>" in content and 'href="/"' in content
    assert CANARY not in content


def test_csrf_page() -> None:
    request = RequestFactory().post("/")
    get_token(request)
    answer = csrf.csrf_failure(request, reason=CANARY)
    content = answer.content.decode()
    assert answer.status_code == 403 and "reload the page" in content and CANARY not in content


def test_an_unknown_host_is_refused(client: Client) -> None:
    answer = client.get("/livez", headers={"Host": "evil.example"})
    assert answer.status_code == 400 and b"evil" not in answer.content
    assert request_id.get()
