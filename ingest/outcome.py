"""How a document's processing ends when it does not end well."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inference.protocol import ModelsUnavailable
from ingest import claims, queue
from ingest.claims import Claim, LeaseLost
from ingest.parsers.base import ParseError
from ingest.reasons import sentence
from ingest.store import StoreUnavailable
from ingest.vault import Unreadable

log = structlog.get_logger(__name__)

#: Wait before trying again, in seconds: a quarter of the document's age, within these bounds.
SHORTEST, LONGEST = 5.0, 60.0


@contextmanager
def outcome(claim: Claim) -> Iterator[None]:
    """Turn what goes wrong into a state: failed for good, queued again, or left to the sweep."""
    bound = log.bind(document=str(claim.document))
    try:
        yield
    except LeaseLost:
        bound.info("document.lease.lost")
    except ParseError as error:
        _refused(claim, error)
    except Unreadable as error:
        _fail(claim, error.code, sentence(error.code))
    except ModelsUnavailable as error:
        if error.permanent:
            _fail(claim, error.code, error.detail)
        else:
            _later(claim, error.code)
    except StoreUnavailable as error:
        _later(claim, error.code)
    except OperationalError as error:
        # The database itself is busy or away, so nothing can be written: the lease runs out.
        bound.warning("document.database.unavailable", error=type(error).__name__)
    except Exception as error:  # noqa: BLE001 (a document must end in a state that says so)
        # No traceback: its lines could hold words of the document.
        bound.error("document.internal_error", error=type(error).__name__, at=_where(error))
        _fail(
            claim,
            "internal-error",
            _("Something went wrong inside. Try again, or tell an administrator."),
        )


def _refused(claim: Claim, error: ParseError) -> None:
    document = claim.held().first()
    again = document is not None and document.attempts < settings.MAX_ATTEMPTS
    if error.permanent or not again:
        _fail(claim, error.code, error.detail)
    elif claims.release(claim, SHORTEST, counted=True):
        queue.send(queue.PROCESS, str(claim.document), countdown=SHORTEST)


def _later(claim: Claim, code: str) -> None:
    document = claim.held().first()
    if document is None:
        return
    age = (timezone.now() - document.created_at).total_seconds()
    seconds = min(max(age / 4, SHORTEST), LONGEST)
    log.info("document.postponed", document=str(claim.document), code=code, seconds=round(seconds))
    if claims.release(claim, seconds):
        queue.send(queue.PROCESS, str(claim.document), countdown=seconds)


def _fail(claim: Claim, code: str, detail: str) -> None:
    with transaction.atomic():
        claims.fail(claim.held(), code, detail)


def _where(error: BaseException) -> str:
    """File and line of the innermost frame: enough to find it, without the values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
