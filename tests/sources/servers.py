"""Starts servers on loopback, opens a gate to each, and ends them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.live import free_port as free_port

HOST = "127.0.0.1"
#: Its half a million rounds of hashing at each sign-in prove nothing here.
PYMAP = """
from functools import partial
from pymap import config
from pymap.main import main
config.BuiltinHash = partial(config.BuiltinHash, rounds=1)
main()
"""


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """Start a program, wait until it listens, end it."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(
    kind: str,
    port: int,
    *,
    folder: Path | str = "",
    fault: Path | None = None,
    certificate: Path | None = None,
) -> list[str]:
    """The command of one of tests/sources/serve.py."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.sources.serve", kind, str(port)]
    command += ["--folder", str(folder)]
    command += ["--fault", str(fault)] if fault else []
    return command + (["--certificate", str(certificate)] if certificate else [])


def imap(port: int) -> list[str]:
    return [
        sys.executable, "-c", PYMAP, "--host", HOST, "--port", str(port), "--no-tls",
        "dict", "--demo-user", "alice", "--demo-password", "pw",
    ]  # fmt: skip


def git_daemon(port: int, folder: Path) -> list[str]:
    return [
        "git", "daemon", "--reuseaddr", f"--base-path={folder}", "--export-all",
        f"--listen={HOST}", f"--port={port}", str(folder),
    ]  # fmt: skip


def certificate(file: Path) -> str:
    """Make a certificate for loopback that signs itself, with its key; returns its SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"files {file.stem}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(secret + pem)
    file.with_suffix(".ca").write_bytes(pem)
    return made.fingerprint(hashes.SHA256()).hex()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(3_000):
        assert process.poll() is None, "the server ended at once"
        with closing(socket.socket()) as tried:
            tried.settimeout(1)
            if tried.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the server does not listen")
