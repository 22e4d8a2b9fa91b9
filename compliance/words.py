"""What is recorded, in words: a label for each action, and the kind that charts sum it under."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import actions

#: Kinds in the order of the charts; the key is the CSS class of the colour.
KINDS: dict[str, str | Promise] = {
    "sessions": _("Sign-ins"),
    "people": _("People and roles"),
    "documents": _("Documents and access to them"),
    "questions": _("Questions and conversations"),
    "refusals": _("Refused or let out"),
    "changes": _("Start, settings, models, walls"),
    "evidence": _("Record, proofs and reports"),
    "keeping": _("Retention, holds, persons' data"),
}

#: action -> (kind, words)
LABELS: dict[str, tuple[str, str | Promise]] = {
    actions.SIGNED_IN: ("sessions", _("Signed in")),
    actions.SIGN_IN_FAILED: ("sessions", _("Sign-in failed")),
    actions.SIGNED_OUT: ("sessions", _("Signed out")),
    actions.LOCKED_OUT: ("sessions", _("Locked out after failed sign-ins")),
    actions.USER_CREATED: ("people", _("Person added")),
    actions.USER_CHANGED: ("people", _("Person changed")),
    actions.USER_DELETED: ("people", _("Person deleted")),
    actions.GROUP_CREATED: ("people", _("Group made")),
    actions.GROUP_CHANGED: ("people", _("Group changed")),
    actions.GROUP_DELETED: ("people", _("Group deleted")),
    actions.PASSWORD_SET: ("people", _("Password set")),
    actions.LINK_CREATED: ("people", _("One-time link made")),
    actions.LINK_USED: ("people", _("One-time link used")),
    actions.TOKEN_CREATED: ("people", _("API token made")),
    actions.TOKEN_REVOKED: ("people", _("API token revoked")),
    actions.TOKEN_REFUSED: ("people", _("API token refused")),
    actions.COLLECTION_CREATED: ("documents", _("Collection made")),
    actions.COLLECTION_CHANGED: ("documents", _("Collection changed")),
    actions.COLLECTION_EXPORTED: ("documents", _("Collection exported")),
    actions.COLLECTION_IMPORTED: ("documents", _("Collection imported")),
    actions.EXPORT_DOWNLOADED: ("documents", _("Export of a collection downloaded")),
    actions.COLLECTION_ERASED: ("documents", _("Collection erased")),
    actions.GRANTS_CHANGED: ("documents", _("Access to a collection changed")),
    actions.DOCUMENT_UPLOADED: ("documents", _("Document uploaded")),
    actions.DOCUMENT_READY: ("documents", _("Document ready")),
    actions.DOCUMENT_FAILED: ("documents", _("Document could not be read")),
    actions.DOCUMENT_RETRIED: ("documents", _("Document tried again")),
    actions.DOCUMENT_CANCELLED: ("documents", _("Reading of documents stopped")),
    actions.DOCUMENT_REFUSED: ("documents", _("File refused by the malware scanner")),
    actions.DOCUMENT_READ: ("documents", _("Document opened")),
    actions.DOCUMENT_DOWNLOADED: ("documents", _("Original downloaded")),
    actions.DOCUMENT_ERASED: ("documents", _("Document erased")),
    actions.INDEX_BEGUN: ("changes", _("Search index begun to be built")),
    actions.INDEX_CHOSEN: ("changes", _("Search index chosen")),
    actions.INDEX_ACTIVATED: ("changes", _("Search index put to use")),
    actions.INDEX_GIVEN_UP: ("changes", _("Search index given up")),
    actions.INDEX_ERASED: ("changes", _("Replaced search index erased")),
    actions.INDEX_REBUILT: ("changes", _("Search index made anew from the database")),
    actions.ORIGINALS_ENCRYPTED: ("changes", _("Originals encrypted")),
    actions.KEYS_ROTATED: ("changes", _("Master key changed")),
    actions.PERMISSION_FAULT: ("documents", _("Passages held back: no right to them")),
    actions.ANSWER_BEGUN: ("questions", _("Answer begun that is kept nowhere")),
    actions.ANSWERED: ("questions", _("Question answered")),
    actions.SEARCHED: ("questions", _("Search made")),
    actions.CONVERSATION_ERASED: ("questions", _("Conversation erased")),
    actions.CONVERSATION_READ: ("questions", _("Conversation opened again")),
    actions.CONVERSATION_EXPORTED: ("questions", _("Conversation exported")),
    actions.FEEDBACK_GIVEN: ("questions", _("Answer rated")),
    actions.SHARED: ("questions", _("Conversation shared")),
    actions.SHARE_CHANGED: ("questions", _("Readers of a shared conversation changed")),
    actions.SHARE_WITHDRAWN: ("questions", _("Shared conversation withdrawn")),
    actions.SHARE_OPENED: ("questions", _("Shared conversation opened")),
    actions.ASSISTANT_CREATED: ("questions", _("Assistant made")),
    actions.ASSISTANT_CHANGED: ("questions", _("Assistant changed")),
    actions.ASSISTANT_SHARED: ("questions", _("Access to an assistant changed")),
    actions.ASSISTANT_ARCHIVED: ("questions", _("Assistant archived")),
    actions.ASSISTANT_RESTORED: ("questions", _("Assistant taken out of the archive")),
    actions.ASSISTANT_DELETED: ("questions", _("Assistant deleted")),
    actions.ASSISTANT_TAKEN: ("questions", _("Assistant without an owner taken over")),
    actions.QUESTION_SET_CREATED: ("questions", _("Set of golden questions made")),
    actions.QUESTION_SET_CHANGED: ("questions", _("Set of golden questions changed")),
    actions.QUESTION_SET_DELETED: ("questions", _("Set of golden questions deleted")),
    actions.QUESTION_CREATED: ("questions", _("Golden question made")),
    actions.QUESTION_CHANGED: ("questions", _("Golden question changed")),
    actions.QUESTION_DELETED: ("questions", _("Golden question deleted")),
    actions.QUESTION_SUGGESTED: ("questions", _("Golden question suggested")),
    actions.QUESTIONS_IMPORTED: ("questions", _("Golden questions imported")),
    actions.QUESTIONS_EXPORTED: ("questions", _("Golden questions exported")),
    actions.RUN_BEGUN: ("questions", _("Run over golden questions begun")),
    actions.RUN_FINISHED: ("questions", _("Run over golden questions ended")),
    actions.RUN_DELETED: ("questions", _("Run over golden questions deleted")),
    actions.RUN_READ: ("questions", _("Results of a run over golden questions opened")),
    actions.RUN_EXPORTED: ("questions", _("Results of a run over golden questions exported")),
    actions.STARTED: ("changes", _("Started")),
    actions.SETTINGS_CHANGED: ("changes", _("Settings changed")),
    actions.WALL_CHANGED: ("changes", _("Wall changed")),
    actions.MODELS_CHANGED: ("changes", _("Models changed")),
    actions.PRICE_NOTED: ("changes", _("Price noted")),
    actions.PRICE_REMOVED: ("changes", _("Price removed")),
    actions.PRICES_IMPORTED: ("changes", _("Prices imported")),
    actions.USAGE_MERGED: ("keeping", _("What answers took was merged to totals of a month")),
    actions.MODEL_ADDED: ("changes", _("Model registered")),
    actions.MODEL_VERIFIED: ("changes", _("Model verified")),
    actions.MODEL_TRIED: ("changes", _("Model tried")),
    actions.MODEL_MEASURED: ("changes", _("Model measured")),
    actions.MODEL_ACTIVATED: ("changes", _("Model activated")),
    actions.MODEL_ROLLED_BACK: ("changes", _("Model rolled back")),
    actions.MODEL_REMOVED: ("changes", _("Model removed")),
    actions.MODEL_WORK_ENDED: ("changes", _("Work on a model ended")),
    actions.MODEL_UPLOADED: ("changes", _("Upload of a model begun")),
    actions.MODEL_UPLOAD_DROPPED: ("changes", _("Upload of a model given up")),
    actions.EGRESS_REFUSED: ("refusals", _("Connection refused")),
    actions.EGRESS_LET_OUT: ("refusals", _("Command let out")),
    actions.BROWSER_REFUSED: ("refusals", _("Refused by a browser")),
    actions.PROOF_FINISHED: ("evidence", _("Proof finished")),
    actions.REPORT_MADE: ("evidence", _("Report made")),
    actions.REPORT_DOWNLOADED: ("evidence", _("Report downloaded")),
    actions.RECORD_READ: ("evidence", _("Record looked at")),
    actions.RECORD_EXPORTED: ("evidence", _("Record exported")),
    actions.RECORD_VERIFIED: ("evidence", _("Record verified")),
    actions.RECORD_CUT: ("evidence", _("Old entries removed from the record")),
    actions.CHECKPOINTS_BEGUN: ("evidence", _("Checkpoints begun anew")),
    actions.RECORD_CONTRADICTED: ("evidence", _("Checkpoint contradicted the record")),
    actions.ACCESS_EXPLAINED: ("evidence", _("Access explained")),
    actions.HOLD_PLACED: ("keeping", _("Hold placed")),
    actions.HOLD_RELEASED: ("keeping", _("Hold released")),
    actions.ERASURE_REFUSED: ("keeping", _("Erasure refused: under a legal hold")),
    actions.ERASURE_PROVEN: ("keeping", _("Erasure checked in every byte")),
    actions.ORPHANS_FOUND: ("keeping", _("Stores held against each other")),
    actions.RETENTION_APPLIED: ("keeping", _("Retention applied")),
    actions.PERSON_EXPORTED: ("keeping", _("Person's data exported")),
    actions.PERSON_ERASED: ("keeping", _("Person's data erased")),
}


def label(action: str) -> str:
    """The words for an action; its own name where it has none (a retired one)."""
    return str(LABELS[action][1]) if action in LABELS else action


def kind(action: str) -> str:
    """The key in KINDS that an action counts under."""
    return LABELS[action][0] if action in LABELS else "changes"


def actions_of(wanted: str) -> list[str]:
    """All actions of one kind."""
    return [action for action, (kind, _words) in LABELS.items() if kind == wanted]
