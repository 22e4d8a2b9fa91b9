"""The services of docker-compose.yml, started in its order, watched by its health checks."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.live import wait_until
from tests.services.compose import Service, Site
from tests.services.programs import ROOT, Program, tail
from tests.services.servers import Postgres, postgres

EMAIL = "ada@example.com"
#: What differs from production: no weights, and a killed worker's document waits less than 60 s.
ALSO = {"SOVEREIGN_ENGINE": "fake", "SOVEREIGN_LEASE_SECONDS": "8"}
START_SECONDS = 240.0


@dataclass
class Production:
    site: Site
    database: Postgres
    running: dict[str, Program] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.site.ports['web']}"

    def client(self, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # trust_env: a proxy of this machine's environment would be asked otherwise.
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, trust_env=False)

    def program(self, service: Service) -> Program:
        folder = self.site.folder / "logs"
        folder.mkdir(exist_ok=True)
        environment = {**service.environment, **(ALSO if service.is_ours else {})}
        cwd = ROOT if service.is_ours else service.mounts["/data"]
        return Program(service.command, environment, folder / f"{service.name}.log", cwd)

    def start(self, name: str) -> None:
        """Start a service when those are ready that compose makes it wait for."""
        service = self.site.services[name]
        for other, condition in service.needs.items():
            if condition == "service_healthy":
                self.until_healthy(other)
        program = self.program(service)
        program.start()
        self.running[name] = program

    def run(self, name: str) -> str:
        """Run a service that ends by itself, once more too; what it printed."""
        self.start(name)
        program = self.running.pop(name)
        code = program.finish(START_SECONDS)
        assert code == 0, tail(program.log)
        return program.log.read_text(encoding="utf-8")

    def is_healthy(self, name: str) -> bool:
        """Ask as compose does, with its command and inside the service's environment."""
        service = self.site.services[name]
        asked = subprocess.run(
            service.health, env=service.environment, capture_output=True, timeout=60, check=False
        )
        return asked.returncode == 0

    def until_healthy(self, name: str) -> None:
        def healthy() -> bool:
            program = self.running.get(name)
            assert program is None or program.runs, tail(program.log)
            return self.is_healthy(name)

        wait_until(f"{name} is healthy", healthy, START_SECONDS, 0.5)

    def until_ready(self) -> None:
        """Every part that answers need, by /readyz."""

        def ready() -> bool:
            dead = [name for name, program in self.running.items() if not program.runs]
            assert not dead, "\n".join(tail(self.running[name].log) for name in dead)
            with self.client() as client:
                try:
                    return client.get("/readyz").status_code == 200
                except httpx.TransportError:
                    return False

        wait_until("production is ready", ready, START_SECONDS, 0.5)

    def stop(self, name: str) -> int:
        """Stop a service within the time that compose gives it; its exit code."""
        return self.running.pop(name).stop(self.site.services[name].grace)

    def kill(self) -> None:
        for program in self.running.values():
            program.kill()

    def left_over(self) -> list[str]:
        """Commands of living processes that were started for this site, by their environment."""
        mark = os.fsencode(self.site.folder)
        return [
            command
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and (command := _command_of(entry, mark))
        ]

    def logs(self) -> dict[str, str]:
        files = [self.database.log, *(self.site.folder / "logs").glob("*.log")]
        return {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files}


def _command_of(process: Path, mark: bytes) -> str:
    try:
        if mark not in (process / "environ").read_bytes():
            return ""
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@contextmanager
def production(folder: Path) -> Iterator[Production]:
    """All of it, ready; ended at the end whatever happened."""
    # This machine's network has a way out, which `prepare` finds: its next wall must hold.
    site = Site(folder, {"SOVEREIGN_ADMIN_EMAIL": EMAIL, "SOVEREIGN_REQUIRE_WALL": "seccomp"})
    site.make_secrets()
    store = site.services["postgres"]
    program, *settings = store.command
    assert program == "postgres"
    arguments = shlex.split(store.environment["POSTGRES_INITDB_ARGS"])
    password = site.secret("postgres_password")
    with ExitStack() as stack:
        database = stack.enter_context(
            postgres(arguments, settings, port=site.ports["postgres"], password=password)
        )
        database.sql(f"CREATE DATABASE {store.environment['POSTGRES_DB']}", "postgres")
        made = Production(site, database)
        stack.callback(made.kill)
        for service in site.order():
            if service.name == "prepare":
                made.run("prepare")
            elif service.name != "postgres":
                made.start(service.name)
        made.until_ready()
        yield made
