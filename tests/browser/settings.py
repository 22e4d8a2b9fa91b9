"""Settings of the server that the browser tests talk to: a data folder of its own, fake models."""

import os

os.environ["SOVEREIGN_DATA_DIR"] = os.environ["SOVEREIGN_TEST_BROWSER_DIR"]
os.environ["SOVEREIGN_CHROMA_URL"] = os.environ["SOVEREIGN_TEST_CHROMA_URL"]

from sovereign.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MODELS_URL = "fake:"
WATTS = 40.0
BROKER_URL = "memory://"
