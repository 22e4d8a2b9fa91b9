"""How long things are kept, in days; 0: for ever (compliance/retention.py)."""

from sovereign.settings import env

KEEP_CONVERSATIONS_DAYS = env.number("SOVEREIGN_KEEP_CONVERSATIONS_DAYS", 0)
KEEP_FEEDBACK_DAYS = env.number("SOVEREIGN_KEEP_FEEDBACK_DAYS", 0)
KEEP_ORIGINALS_DAYS = env.number("SOVEREIGN_KEEP_ORIGINALS_DAYS", 0)
KEEP_RECORD_DAYS = env.number("SOVEREIGN_KEEP_RECORD_DAYS", 0)
#: Of runs over golden questions; their scores stay (evaluation/erasure.py).
KEEP_RUN_ANSWERS_DAYS = env.number("SOVEREIGN_KEEP_RUN_ANSWERS_DAYS", 90)
#: How long a conversation stays shared; the share ends, the conversation stays (chat/shares.py).
SHARE_DAYS = env.number("SOVEREIGN_SHARE_DAYS", 90)
