"""docker-compose.yml and its run by hand agree. Needs no service: a change there is noticed at once."""

import re
import shutil
from pathlib import Path

import pytest

from tests.services.compose import COMPOSE, LEFT_OUT, PORTS, Service, Site, filled_in
from tests.services.test_production import LASTING

NAMES = sorted(COMPOSE["services"].keys() - LEFT_OUT)
#: What only the inside of a container means.
INSIDE = re.compile(
    r"(?<![\w./-])/(?:data|models|chroma|run|tmp)(?:/|$)"
    rf"|\b(?:{'|'.join(PORTS)}):\d|0\.0\.0\.0|\$\{{|\$\$"
)
OF_THIS_MACHINE = {"PATH", "HOSTNAME"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def everything_of(service: Service) -> list[str]:
    health = service.health if service.name != "prepare" else []
    values = [value for name, value in service.environment.items() if name not in OF_THIS_MACHINE]
    return [*service.command, *health, *values]


def test_every_service_is_run_by_hand() -> None:
    assert {*LASTING, "prepare"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_container_is_left(site: Site, name: str) -> None:
    """A secret that a service does not list, or a folder that it has no mount for, would be."""
    texts = [
        text.replace(str(site.folder), "/site/") for text in everything_of(site.services[name])
    ]
    assert [text for text in texts if INSIDE.search(text)] == []


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postgres", "redis"}))
def test_its_program_is_there(site: Site, name: str) -> None:
    service = site.services[name]
    assert shutil.which(service.command[0], path=service.environment["PATH"])


def test_who_waits_for_whom(site: Site) -> None:
    order = [service.name for service in site.order()]
    for first, then in (("postgres", "prepare"), ("prepare", "web"), ("redis", "worker")):
        assert order.index(first) < order.index(then)


def test_each_address_in_a_secret_is_of_a_service(site: Site) -> None:
    site.make_secrets()
    assert str(site.ports["postgres"]) in site.secret("database_url")
    assert str(site.ports["redis"]) in site.secret("broker_url")


def test_the_administrator_is_made_only_where_one_is_named(tmp_path: Path) -> None:
    named = Site(tmp_path / "a", {"SOVEREIGN_ADMIN_EMAIL": "ada@example.com"}).services["prepare"]
    nobody = Site(tmp_path / "b").services["prepare"]
    file = "SOVEREIGN_ADMIN_PASSWORD_FILE"
    assert named.environment[file].endswith("/secrets/admin_password")
    assert nobody.environment[file] == nobody.environment["SOVEREIGN_ADMIN_EMAIL"] == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [("$$HOME", "$HOME"), ("${A:-b}", "1"), ("${B:-b}", "b"), ("${A:+x}", "x"), ("${B:+x}", "")],
)
def test_variables_are_read_as_compose_does(text: str, value: str) -> None:
    assert filled_in(text, {"A": "1"}) == value
