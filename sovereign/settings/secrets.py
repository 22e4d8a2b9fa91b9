"""The secret key: from the environment or a file, else made once with mode 600."""

import os
import secrets as random_secrets
from pathlib import Path


def secret_from_file(path: Path) -> str:
    """Return the secret in PATH; make it at first use, readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    secret = random_secrets.token_urlsafe(64)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret)
    return secret
