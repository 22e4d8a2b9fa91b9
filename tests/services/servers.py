"""A private PostgreSQL of Debian's package: own folder, own port, gone when the run is over."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live import answers, free_port, wait_until
from tests.services.programs import Program, tail

MISSING = (
    "NO SERVICE TEST RAN: PostgreSQL or Redis is not installed "
    "(Debian: apt install postgresql redis-server)"
)
#: The folder is thrown away: nothing has to survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def postgres_programs() -> Path | None:
    """The folder of the newest `initdb`. Debian keeps it away from PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    program = str(found[-1]) if found else shutil.which("initdb")
    return Path(program).parent if program else None


def installed() -> bool:
    return postgres_programs() is not None and shutil.which("redis-server") is not None


@dataclass
class Postgres:
    """`folder` belongs to the account that the server runs as: it refuses to run as root."""

    folder: Path
    programs: Path
    account: str | None
    port: int
    user: str = "sovereign"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def make(self, arguments: Sequence[str], password: str) -> None:
        """initdb, with the character set of the official images."""
        secret = self.folder / "password"
        secret.write_text(password or "none", encoding="utf-8")
        if self.account:
            for place in (self.folder, secret):
                shutil.chown(place, self.account, self.account)
        command = [str(self.programs / "initdb"), "-D", str(self.folder / "data"), "-U", self.user]
        options = ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", f"--pwfile={secret}"]
        subprocess.run(
            [*command, *options, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            user=self.account,
            group=self.account,
            extra_groups=[] if self.account else None,
        )

    def server(self, settings: Sequence[str] = ()) -> Program:
        options = {
            **FAST,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
        }
        program = Program(
            [
                *(str(self.programs / "postgres"), "-D", str(self.folder / "data")),
                *("-p", str(self.port)),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
                *settings,
            ],
            {"PATH": os.defpath},
            self.log,
            cwd=self.folder,
            account=self.account,
        )
        program.start()
        wait_until("PostgreSQL answers", lambda: answers(str(self.socket)), 60)
        return program

    @property
    def socket(self) -> Path:
        return self.folder / f".s.PGSQL.{self.port}"

    def sql(self, query: str, database: str = "sovereign") -> list[str]:
        """The rows of one question, values apart by `|`."""
        done = subprocess.run(
            [
                *(str(self.programs / "psql"), "-h", str(self.folder), "-p", str(self.port)),
                *("-U", self.user, "-d", database, "-X", "-A", "-t", "-c", query),
            ],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@contextmanager
def postgres(
    initdb: Sequence[str] = ("--auth=trust",),
    settings: Sequence[str] = (),
    *,
    port: int = 0,
    password: str = "",
) -> Iterator[Postgres]:
    """A running server. By default everybody on this machine's loopback is trusted."""
    programs = postgres_programs()
    assert programs is not None, MISSING
    # Not in pytest's folder: the server's account may not go through that.
    folder = Path(tempfile.mkdtemp(prefix="sovereign-postgres-"))
    account = "postgres" if os.getuid() == 0 else None
    made = Postgres(folder, programs, account, port or free_port())
    try:
        made.make(initdb, password)
        server = made.server(settings)
        try:
            yield made
        finally:
            # The fast way to stop, the one of the official images.
            code = server.stop(60, signal.SIGINT)
        assert code == 0, tail(made.log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
