"""Where collections may be kept in step with: folders, secrets, certificates (ingest/sources)."""

from sovereign.settings import env

#: Folders whose content may be watched, `PATH` or `PATH=COLLECTION-ID`. None: no folder is.
SOURCE_ROOTS = env.words("SOVEREIGN_SOURCE_ROOTS")
#: Gates that sources may use, `NAME` or `NAME=COLLECTION-ID`. None: all, by any collection.
SOURCE_GATES = env.words("SOVEREIGN_SOURCE_GATES")
#: A folder with one file for each account; "": sources sign in nowhere.
SOURCE_SECRETS_DIR = env.text("SOVEREIGN_SOURCE_SECRETS_DIR")
#: The company's own certificate authorities, in one PEM file; "": those of the system.
SOURCE_CERTIFICATES = env.text("SOVEREIGN_SOURCE_CERTIFICATES")
SOURCE_MAX_FILES = env.number("SOVEREIGN_SOURCE_MAX_FILES", 100_000, least=1)
#: More than this share of a source gone at once waits for a manager (20 files at least).
SOURCE_DELETE_PERCENT = env.number("SOVEREIGN_SOURCE_DELETE_PERCENT", 50, least=1)
