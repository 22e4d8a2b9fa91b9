"""How passages are put in order, and how a question is answered from them."""

from sovereign.settings import env

#: A cross-encoder of the company's own; empty: none.
RERANKER = env.text("SOVEREIGN_RERANKER")
RERANK_SECONDS = env.decimal("SOVEREIGN_RERANK_SECONDS", 1.0)
RERANK_DEPTH = env.number("SOVEREIGN_RERANK_DEPTH", 20, least=1)
MAX_QUESTION_CHARS = env.number("SOVEREIGN_MAX_QUESTION_CHARS", 4_000, least=100)
MAX_ANSWER_TOKENS = env.number("SOVEREIGN_MAX_ANSWER_TOKENS", 256, least=16)
#: What an assistant tells the model at most, in letters (chat/assistants.py).
MAX_INSTRUCTION_CHARS = env.number("SOVEREIGN_MAX_INSTRUCTION_CHARS", 2_000, least=100)
#: 0 means: follow the measured speed of this machine (chat/pack.py).
PASSAGE_TOKENS = env.number("SOVEREIGN_PASSAGE_TOKENS", 0)
#: How sure an answer must be, 0 to 1 (chat/weigh.py).
ABSTAIN_BELOW = env.decimal("SOVEREIGN_ABSTAIN_BELOW", 0.3)
KEEP_ALIVE_SECONDS = 10
