"""TLS towards sources: the company's certificates, and one that may be pinned."""

import hashlib
import re
import ssl
from pathlib import Path

from ingest.sources.base import SourceError


class CertificateChanged(ssl.SSLError):
    """The server shows another certificate than the pinned one."""


def context(certificates: Path | None, pinned: str = "") -> ssl.SSLContext:
    """A context for any client. With `pinned` the connection stands only where the server's certificate
    is that one, too: it is looked at before anything is said over it. Raises SourceError."""
    try:
        made = ssl.create_default_context(cafile=str(certificates) if certificates else None)
    except (OSError, ssl.SSLError) as error:
        raise SourceError("source-certificates-missing", type(error).__name__) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if pinned:
        made.sslsocket_class = _pinning(fingerprint_of(pinned))
    return made


def fingerprint_of(text: str) -> str:
    """A SHA-256 fingerprint as people write it, in small hexadecimal letters. Raises ValueError."""
    plain = re.sub(r"[\s:]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise ValueError("no SHA-256 fingerprint")
    return plain


def _pinning(fingerprint: str) -> type[ssl.SSLSocket]:
    class Pinned(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            shown = self.getpeercert(binary_form=True) or b""
            if hashlib.sha256(shown).hexdigest() != fingerprint:
                raise CertificateChanged("another certificate than the pinned one")

    return Pinned


def is_tls(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is about certificates."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError | CertificateChanged):
            return True
        reason = getattr(error, "reason", None)
        if isinstance(reason, BaseException) and is_tls(reason):
            return True
        error = error.__cause__ or error.__context__
    return False
