"""The production files, as far as they can be checked without a container engine."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.setup.conftest import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OPEN_NETWORKS = {name for name, net in COMPOSE["networks"].items() if not net.get("internal")}
TEXT = "\n".join(
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("docker-compose.yml", "Dockerfile", "deploy/nginx.conf")
)


def test_every_part_of_the_architecture_is_there() -> None:
    assert {"web", "worker", "beat", "models", "postgres", "redis", "chroma", "proxy"} <= set(
        SERVICES
    )


def test_only_the_proxy_has_a_port_and_by_default_on_loopback() -> None:
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["proxy"]
    assert all(
        port.startswith("${SOVEREIGN_BIND:-127.0.0.1}:") for port in SERVICES["proxy"]["ports"]
    )


def test_only_the_proxy_and_the_fetch_by_hand_can_reach_out() -> None:
    reaching = {
        name
        for name, service in SERVICES.items()
        if service.get("network_mode") != "none"
        and OPEN_NETWORKS & set(service.get("networks", ["default"]) or ["default"])
    }
    by_hand = {"fetch", "signatures"}
    assert reaching == {"proxy", *by_hand}
    for name in by_hand:
        assert SERVICES[name]["profiles"] == ["setup"], "never started with the rest"


def test_each_service_names_its_networks() -> None:
    """One that names none lands on the default network, which has a way out."""
    for name, service in SERVICES.items():
        assert service.get("network_mode") == "none" or service.get("networks"), name


def test_the_models_have_no_network_and_no_documents() -> None:
    models = SERVICES["models"]
    assert models["network_mode"] == "none"
    assert not [volume for volume in models["volumes"] if volume.startswith("data:")]


def test_the_proxy_cannot_reach_the_stores() -> None:
    assert not set(SERVICES["proxy"]["networks"]) & set(SERVICES["postgres"]["networks"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r":\d+\.\d+(\.\d+)?(-[a-z]+)?$", image), image


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"prepare", "fetch", "signatures"}))
def test_each_lasting_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_none_can_gain_rights(name: str) -> None:
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    assert not SERVICES[name].get("privileged")


def test_ours_run_read_only_and_not_as_root() -> None:
    ours = {name for name, service in SERVICES.items() if service["image"].startswith("sovereign")}
    assert all(SERVICES[name]["read_only"] for name in ours)
    stages = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")
    assert stages[-1].strip() == "cpu", "what is built where no target is named"
    [cpu] = [stage for stage in stages if stage.partition("\n")[0].endswith(" AS cpu")]
    assert "\nUSER sovereign\n" in cpu


def test_no_secret_has_a_value_here() -> None:
    for name, service in SERVICES.items():
        for key, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL|BROKER_URL", key):
                assert key.endswith("_FILE"), (name, key)
                assert re.fullmatch(r"(\$\{\w+:\+)?/run/secrets/\w+\}?", value), (name, key)
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())


def test_every_file_that_is_named_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", TEXT, flags=re.MULTILINE)
    mounted = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert {"requirements", "sovereign/setup", "."} <= set(copied)
    for name in (*copied, *mounted):
        assert (ROOT / name).exists(), name


def test_secrets_are_made_once_and_stay(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy" / "make-secrets"
    script.write_bytes((ROOT / "deploy" / "make-secrets").read_bytes())

    def run() -> dict[str, str]:
        subprocess.run(["bash", str(script)], check=True, capture_output=True)
        return {each.name: each.read_text() for each in (tmp_path / "secrets").iterdir()}

    first = run()
    assert set(first) == set(COMPOSE["secrets"])
    assert first["postgres_password"] in first["database_url"]
    assert first["redis_password"] in first["broker_url"]
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert run() == first


def test_the_proxy_believes_no_header_and_buffers_no_answer() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in TEXT
    assert "$proxy_add_x_forwarded_for" not in TEXT
    assert "proxy_buffering off;" in TEXT
