"""What goes wrong with model files and prompts: a stable code, and a sentence that says what to do."""


class ModelError(Exception):
    """A model that cannot be used. `code` is stable; `detail` is for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class PassingError(ModelError):
    """It passes by itself: what could not be had is tried again."""


class PromptTooLong(ModelError):
    """The prompt does not fit into the model's context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(
            "context-too-long",
            f"The prompt has {tokens} tokens, and this model reads {context} at most. "
            "Shorten it, or raise SOVEREIGN_CONTEXT_TOKENS.",
        )
        self.tokens = tokens
        self.context = context
