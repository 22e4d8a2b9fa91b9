"""docker-compose.yml without an engine: its services as programs of this machine.

Commands, environments, secrets, mounts, health checks, order and time to stop are read from
docker-compose.yml and Dockerfile. Adapted are places and addresses, nothing else: what a service
names and is not given (a secret, a folder) stays as it is and fails.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from tests.live import free_port
from tests.services.programs import ROOT
from tests.services.servers import postgres_programs

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
#: Not run here: the proxy and the scanner are others' images; fetch and signatures are run by hand.
LEFT_OUT = {"proxy", "fetch", "scanner", "signatures"}
MEMORY, EVERYWHERE = "/tmp", "0.0.0.0"  # noqa: S104, S108 (of containers)
TOOLS = [str(postgres_programs() or "")]
#: The ports that the services listen on among themselves.
PORTS = {"web": 8000, "chroma": 8000, "postgres": 5432, "redis": 6379, "scanner": 3310}
#: Nobody but the proxy calls the web process.
CALLED = {port: name for name, port in PORTS.items() if name != "web"}
#: Redis names no port where it is alone.
REDIS_OPTIONS = {"redis-server": "--bind 127.0.0.1 --port", "redis-cli": "-p"}


@dataclass(frozen=True)
class Image:
    """What the stage of our Dockerfile that runs without a card gives every container."""

    environment: dict[str, str]
    command: list[str]
    folders: list[str]


def our_image() -> Image:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stages = [stage.splitlines() for stage in text.split("\nFROM ")]
    # Without a target the last one is built, which is this one again.
    assert stages[-1][0] == "cpu"
    lines = next(lines for lines in stages if lines[0].endswith(" AS cpu"))

    def of(instruction: str) -> str:
        return " ".join(
            line.removeprefix(instruction) for line in lines if line.startswith(f"{instruction} ")
        )

    pairs = [word.partition("=") for word in shlex.split(of("ENV"))]
    return Image(
        {name: value for name, _, value in pairs},
        json.loads(of("CMD")),
        json.loads(of("VOLUME")),
    )


def filled_in(text: str, variables: dict[str, str]) -> str:
    """`$$`, `${NAME:-default}` and `${NAME:+instead}` as compose reads them."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        here, kind, other = variables.get(match["name"], ""), match["kind"], match["other"] or ""
        if kind == ":+":
            return other if here else ""
        return here or other

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?:(?P<kind>:[-+])(?P<other>[^}]*))?\}", value, text)


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


@dataclass
class Site:
    """One installation under `folder`. `variables`: what a person sets for compose."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})

    @cached_property
    def services(self) -> dict[str, "Service"]:
        names = [name for name in COMPOSE["services"] if name not in LEFT_OUT]
        return {name: Service(name, COMPOSE["services"][name], self) for name in names}

    def order(self) -> list["Service"]:
        """Whoever is waited for comes first."""
        graph = {name: set(service.needs) for name, service in self.services.items()}
        return [self.services[name] for name in TopologicalSorter(graph).static_order()]

    def make_secrets(self) -> None:
        """By deploy/make-secrets; then the addresses in them are those of this machine."""
        (self.folder / "deploy").mkdir(parents=True)
        script = shutil.copy(ROOT / "deploy" / "make-secrets", self.folder / "deploy")
        subprocess.run([script], check=True, capture_output=True)
        for name, service in (("database_url", "postgres"), ("broker_url", "redis")):
            file = self.folder / "secrets" / name
            before = file.read_text(encoding="utf-8")
            here = f"@127.0.0.1:{self.ports[service]}/"
            after = before.replace(f"@{service}:{PORTS[service]}/", here)
            assert after != before, name
            file.write_text(after, encoding="utf-8")

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text(encoding="utf-8")


@dataclass
class Service:
    """One service of compose: `raw` as it is written there."""

    name: str
    raw: dict[str, Any]
    site: Site

    @property
    def is_ours(self) -> bool:
        return str(self.raw["image"]).startswith("sovereign:")

    @property
    def needs(self) -> dict[str, str]:
        """Who must be how before this one starts."""
        return {name: each["condition"] for name, each in self.raw.get("depends_on", {}).items()}

    @property
    def grace(self) -> float:
        return seconds(self.raw.get("stop_grace_period", "10s"))

    @property
    def command(self) -> list[str]:
        wanted = self.raw.get("command") or (our_image().command if self.is_ours else None)
        assert wanted, f"{self.name}: its image says what runs, which nobody can read here"
        here = [self.here(part) for part in wanted]
        for number, part in enumerate(wanted[1:], 1):
            # A port alone, in front of wall/confine.py's `--`, is that of the service it calls.
            if wanted[number - 1] == "--connect":
                called = CALLED[int(part)]
                here[number] = str(self.site.ports[called])
        return here

    @property
    def health(self) -> list[str]:
        kind, *parts = self.raw["healthcheck"]["test"]
        return [
            self.here(part) for part in (["sh", "-c", *parts] if kind == "CMD-SHELL" else parts)
        ]

    @cached_property
    def environment(self) -> dict[str, str]:
        """All of it: nothing of this run's own environment reaches the service."""
        image = our_image().environment if self.is_ours else {}
        wanted = {**image, **(self.raw.get("environment") or {})}
        here = {name: self.here(str(value)) for name, value in wanted.items()}
        return {
            **here,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), *TOOLS, os.defpath]),
            "HOSTNAME": socket.gethostname(),
            "HOME": self.here("/data"),
            "TMPDIR": self.here(MEMORY),
            # pg_isready asks the default port.
            "PGPORT": str(self.site.ports["postgres"]),
            "PGHOST": "127.0.0.1",
        }

    @cached_property
    def mounts(self) -> dict[str, Path]:
        """Where the container's folders and secrets lie here."""
        found = {path: self._folder("image", self.name, path) for path in our_image().folders}
        found[MEMORY] = self._folder("memory", self.name, MEMORY)
        for entry in self.raw.get("tmpfs", []):
            path = entry.partition(":")[0]
            found[path] = self._folder("memory", self.name, path)
        for entry in self.raw.get("volumes", []):
            volume, path = entry.split(":")[:2]
            found[path] = self._folder("volumes", volume)
        for secret in self.raw.get("secrets", []):
            found[f"/run/secrets/{secret}"] = self.site.folder / "secrets" / secret
        return found

    def _folder(self, *parts: str) -> Path:
        folder = self.site.folder.joinpath(*(part.strip("/").replace("/", "-") for part in parts))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def here(self, text: str) -> str:
        """`text` with the places and addresses of this machine."""
        return self._addresses(self._places(filled_in(text, self.site.variables)))

    def _places(self, text: str) -> str:
        paths = sorted(self.mounts, key=len, reverse=True)
        anyone = "|".join(re.escape(path) for path in paths)
        pattern = rf"(?<![\w./-])(?:{anyone})(?![\w.-])"
        return re.sub(pattern, lambda match: str(self.mounts[match[0]]), text)

    def _addresses(self, text: str) -> str:
        for name, port in PORTS.items():
            text = re.sub(rf"\b{name}:{port}\b", f"127.0.0.1:{self.site.ports[name]}", text)
        text = text.replace(EVERYWHERE, "127.0.0.1")
        if self.name not in PORTS:
            return text
        mine, here = PORTS[self.name], str(self.site.ports[self.name])
        if self.name == "redis":
            for program, option in REDIS_OPTIONS.items():
                text = text.replace(f"{program} ", f"{program} {option} {here} ")
        return re.sub(rf"^{mine}$|(?<=127\.0\.0\.1:){mine}\b", here, text)
