"""A whole product in one process: the ASGI application, and a thread that does the workers' work.

Run as `python -m tests.browser.server PORT`. People, a sample collection and a few documents are
there; everything else is done through the browser.
"""

import os
import sys
import threading

import django
import uvicorn

SECONDS_A_WORD = 0.03


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
    django.setup()
    from django.core.management import call_command

    from inference.client import get_client
    from inference.fake import FakeEngine
    from tests.browser import contents

    # The fake writes at a pace that can be watched, and stopped.
    get_client()._engine = FakeEngine(seconds=SECONDS_A_WORD)  # type: ignore[attr-defined]
    call_command("collectstatic", interactive=False, verbosity=0)
    contents.fill()
    threading.Thread(target=contents.work, daemon=True).start()
    # By name, so that it is imported now: whitenoise looks at the collected files once.
    uvicorn.run(
        "sovereign.asgi:application", host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"
    )


if __name__ == "__main__":
    main()
