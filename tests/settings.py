"""Settings of the test run: a throw-away data folder, fake models, nothing from the environment."""

import os
import tempfile

_KEPT = ("SOVEREIGN_CACHE_DIR", "SOVEREIGN_TEST_")
for _name in [name for name in os.environ if name.startswith("SOVEREIGN_")]:
    if not _name.startswith(_KEPT):
        del os.environ[_name]
#: Removed at the end of the run.
TEST_FOLDER = os.environ["SOVEREIGN_DATA_DIR"] = tempfile.mkdtemp(prefix="sovereign-test-")

from sovereign.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MODELS_URL = "fake:"
# Nothing that a test forgets to run in place may reach a broker.
BROKER_URL = "memory://"
STATIC_ROOT.mkdir()  # noqa: F405 (whitenoise warns where it is missing, and warnings are errors here)
# Its `flush` may empty the record, which the real one may not (tests/flushing).
INSTALLED_APPS = [*INSTALLED_APPS, "tests.flushing"]  # noqa: F405
