"""The product's settings, with fewer sample documents, in its data folder: reading all takes minutes."""

from sovereign.settings import *  # noqa: F403

SAMPLES_DIR = DATA_DIR / "samples"  # noqa: F405
