"""A whole product in one process: the ASGI application, and a thread that does the workers' work.

Run as `python -m tests.browser.server PORT`. People, a sample collection and a few documents are
there; everything else is done through the browser.
"""

import os
import re
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace

import django
import uvicorn

from inference.fake import FakeEngine
from inference.protocol import ChatMessage, Piece, Sampling

SECONDS_A_WORD = 0.03
#: The place of a passage, and the heading that its text begins with, as chat/pack.py writes them.
PLACE = re.compile(r"^(\[\d+\]) \((?:[^\n]* › )?([^\n]*?)\) (?:\2 )?", re.MULTILINE)


class Demo(FakeEngine):
    """The fake at a pace that can be watched and stopped; it quotes sentences, not headings."""

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        read = [
            replace(message, content=PLACE.sub(r"\1 ", message.content)) for message in messages
        ]
        return super().chat(read, sampling)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
    django.setup()
    from django.core.management import call_command

    from inference.client import get_client
    from tests.browser import contents

    demo = Demo(seconds=SECONDS_A_WORD, model="demo")
    get_client()._engine = demo  # type: ignore[attr-defined]
    call_command("collectstatic", interactive=False, verbosity=0)
    contents.fill()
    threading.Thread(target=contents.work, daemon=True).start()
    # By name, so that it is imported now: whitenoise looks at the collected files once.
    uvicorn.run(
        "sovereign.asgi:application", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"
    )


if __name__ == "__main__":
    main()
