"""The web process: `uvicorn sovereign.asgi:application`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")

from typing import cast

import django
from django.conf import settings

from sovereign.bodylimit import App, BodyLimit
from sovereign.callers import is_known
from sovereign.memories import Forgetful
from sovereign.spool import SpoolingHandler

#: Room for a few files in one request, and for the form around them.
FILES_AT_ONCE = 2

MOST_BYTES = FILES_AT_ONCE * settings.MAX_UPLOAD_MB * 1_000_000

#: A form or a JSON body at its largest, and what surrounds it.
LITTLE_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1_000_000

# As get_asgi_application() does, before the handler loads the middleware.
django.setup(set_prefix=False)

from audit.sealer import Sealed  # noqa: E402 (it knows the models)

served = BodyLimit(
    cast(App, SpoolingHandler()),
    MOST_BYTES,
    LITTLE_BYTES,
    is_known,
    archives=settings.IMPORT_MAX_GB * 1_000_000_000,
)
application = Sealed(Forgetful(served))
