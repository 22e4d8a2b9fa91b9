"""An officer's look at the record or at somebody's access is recorded, too: by ids and filters."""

from accounts.models import User
from audit import actions
from audit.record import Data, record


def looked(officer: User, what: str, data: Data | None = None) -> None:
    """Record that `officer` read the record: `what` is list, entry or timeline."""
    record(actions.RECORD_READ, actor=officer, data={"what": what, **(data or {})})


def explained(
    officer: User, question: str, kind: str, key: object, data: Data | None = None
) -> None:
    """Record a question about access: `question` is read, why or reach; about (`kind`, `key`)."""
    record(
        actions.ACCESS_EXPLAINED,
        actor=officer,
        target=(kind, key),
        data={"question": question, **(data or {})},
    )
