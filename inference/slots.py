"""Where a model stands on its way into the models process."""

import threading
from typing import Literal

from inference.protocol import ModelsUnavailable

State = Literal["loading", "ready", "unavailable", "none"]


_NO_CHAT = ("no-chat-model", "There is no chat model here: answers are quotes.")


class Slot:
    """One model on its way: loading, then ready, unavailable (with the reason) or none by choice.

    `none`: the code and the sentence of the last.
    """

    def __init__(self, none: tuple[str, str] = _NO_CHAT) -> None:
        self._none = none
        self.state: State = "loading"
        self.code = ""
        self.detail = ""
        self.passing = False
        self.settled = threading.Event()

    def settle(
        self, state: State, code: str = "", detail: str = "", *, passing: bool = False
    ) -> None:
        """`passing`: it is tried again by itself."""
        self.passing = passing
        self.state, self.code, self.detail = state, code, detail
        self.settled.set()

    def wait(self, seconds: float) -> None:
        """Return when it is ready. Raises ModelsUnavailable when it is not, and will not be."""
        self.settled.wait(seconds)
        if self.state == "loading":
            raise ModelsUnavailable(
                "models-loading", "The models are still being loaded. Try again in a moment."
            )
        if self.state == "none":
            raise ModelsUnavailable(*self._none, permanent=True)
        if self.state == "unavailable":
            raise ModelsUnavailable(self.code, self.detail, permanent=not self.passing)

    def describe(self) -> dict[str, object]:
        found: dict[str, object] = {"state": self.state}
        return found | ({"code": self.code, "detail": self.detail} if self.code else {})
