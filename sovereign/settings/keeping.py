"""How long things are kept, in days; 0: for ever (compliance/retention.py)."""

from sovereign.settings import env

KEEP_CONVERSATIONS_DAYS = env.number("SOVEREIGN_KEEP_CONVERSATIONS_DAYS", 0)
KEEP_FEEDBACK_DAYS = env.number("SOVEREIGN_KEEP_FEEDBACK_DAYS", 0)
KEEP_ORIGINALS_DAYS = env.number("SOVEREIGN_KEEP_ORIGINALS_DAYS", 0)
KEEP_RECORD_DAYS = env.number("SOVEREIGN_KEEP_RECORD_DAYS", 0)
#: Of runs over golden questions; their scores stay (evaluation/erasure.py).
KEEP_RUN_ANSWERS_DAYS = env.number("SOVEREIGN_KEEP_RUN_ANSWERS_DAYS", 90)
#: For how long backups are kept, which receipts of erasures say; 0: nobody said.
KEEP_BACKUPS_DAYS = env.number("SOVEREIGN_KEEP_BACKUPS_DAYS", 0)
#: The hour (UTC) in which the files of the vector store are made anew and erasures are proven.
PROOF_HOUR = env.number("SOVEREIGN_ERASURE_HOUR", 2) % 24
#: What belongs to nothing is removed when it is older than these hours (ingest/reconcile.py).
ORPHAN_HOURS = env.number("SOVEREIGN_ORPHAN_HOURS", 24, least=1)
#: How long a conversation stays shared; the share ends, the conversation stays (chat/shares.py).
SHARE_DAYS = env.number("SOVEREIGN_SHARE_DAYS", 90)
