"""The people that every test may ask for, and the guard that keeps the run off the network."""

import shutil
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from accounts.models import User
from ingest import estimate, lexical
from ingest.models import Collection
from sovereign.celery import app
from tests import people
from tests.live import vectors  # noqa: F401 (a fixture for every folder)
from tests.reading import read_once  # noqa: F401 (the same)

# --- examples ------------------------------------------------------------------------------------
# No run fails by what it happened to draw, and none because an example took its 0.2 seconds on a busy
# machine. Others are looked for by `--hypothesis-profile search`.
_SLOW = [HealthCheck.too_slow]
hypothesis_settings.register_profile("search", deadline=None, suppress_health_check=_SLOW)
hypothesis_settings.register_profile(
    "fixed", deadline=None, derandomize=True, suppress_health_check=_SLOW
)
hypothesis_settings.load_profile("fixed")


# --- the network is closed ----------------------------------------------------------------------
#: What was refused since the guard was set. A library that swallows the error is found all the same.
REFUSED: list[str] = []
CONNECTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class NetworkRefused(PermissionError):
    """A test tried to reach something that is not on this machine."""


def _is_local(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def _guard(event: str, args: tuple[object, ...]) -> None:
    """An audit hook sees what C extensions ask of Python's socket module too, and cannot be undone."""
    if event in CONNECTS:
        # Unix sockets have a path (str or bytes) for an address; a connected socket may send to None.
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in LOOKUPS:
        host = args[0]
    else:
        return
    if not _is_local(host):
        REFUSED.append(f"{event} {host!r}")
        raise NetworkRefused(f"tests stay on this machine: {event} to {host!r}")


def pytest_configure() -> None:
    if not hasattr(settings, "TEST_FOLDER"):
        # An exported DJANGO_SETTINGS_MODULE would run the tests on somebody's data.
        pytest.exit("The tests need --ds=tests.settings, which pyproject.toml gives.", returncode=2)
    sys.addaudithook(_guard)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright leaves an event loop running that async tests refuse.

    First of these is the main job, which takes longest: else one process waits for it alone.
    """

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("browser") is None:
            return 0
        return 1 if item.get_closest_marker("live") else 2

    items.sort(key=turn)


def pytest_unconfigure() -> None:
    # By a name that only tests/settings.py has: never the data folder of an installation.
    if folder := getattr(settings, "TEST_FOLDER", ""):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _network_was_left_alone() -> Iterator[None]:
    before = len(REFUSED)
    yield
    tried = REFUSED[before:]
    del REFUSED[before:]
    assert not tried, f"reached for the network: {tried}"


# --- the database -------------------------------------------------------------------------------
def pytest_report_header() -> str:
    return f"database: {connections['default'].vendor}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """pytest-django's own, and at its end no thread holds PostgreSQL's test database.

    Views that async tests ask run in one thread of asgiref's, which keeps its connection.
    """
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def _words_go_too(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """What empties the database after a test of transactions knows no tables but those of models."""
    yield
    marker = request.node.get_closest_marker("django_db")
    committed = {"transactional_db", "live_server", "on_disk"} & set(request.fixturenames)
    if not committed and not (marker and marker.kwargs.get("transaction")):
        return
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        for table in ("ingest_lexical", "ingest_lexical_sizes"):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
        lexical.forget()


@pytest.fixture(autouse=True)
def _evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are rolled back after each test: checkpoints of one would contradict the next."""
    folder = settings.TEST_FOLDER / Path("evidence") / uuid4().hex
    monkeypatch.setattr(settings, "EVIDENCE_DIR", folder)


@pytest.fixture(autouse=True)
def _nothing_measured() -> None:
    """How long documents took is kept for seconds: not from one test to the next."""
    estimate.forget()


@pytest.fixture(scope="session")
def _queues_in_memory() -> dict[str, Any]:
    """The queues of the broker in memory."""
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        # Of all channels; one that is closed has others.
        return channel.queues  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _nothing_waits(_queues_in_memory: dict[str, Any]) -> None:
    """Messages outlive the rows that they are of, and the product looks how many wait."""
    _queues_in_memory.clear()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request in French must not leave its language to the next test."""
    translation.activate("en")
    yield
    translation.deactivate()


# --- people -------------------------------------------------------------------------------------
@pytest.fixture
def alice(db: None) -> User:
    """Manages `collection`."""
    return people.make_user("Alice")


@pytest.fixture
def bob(db: None) -> User:
    """Reads `collection`."""
    return people.make_user("Bob")


@pytest.fixture
def erin(db: None) -> User:
    """Edits `collection`."""
    return people.make_user("Erin")


@pytest.fixture
def charlie(db: None) -> User:
    """A stranger: may sign in, has no grant."""
    return people.make_user("Charlie")


@pytest.fixture
def admin(db: None) -> User:
    """An administrator without grants."""
    return people.make_user("Admin", is_admin=True)


@pytest.fixture
def collection(alice: User, bob: User, erin: User) -> Collection:
    return people.make_collection(alice, reader=bob, editor=erin)


@pytest.fixture
def client_for() -> Callable[[User | None], Client]:
    """A browser that `user` is signed in with (None: nobody)."""

    def make(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user, backend="accounts.backends.EmailBackend")
        return client

    return make


@pytest.fixture
def api_for() -> Callable[..., people.Api]:
    """`api_for(alice).get("/me")`; `scopes=[...]` bounds the token, None as user sends none."""

    def make(user: User | None, scopes: list[str] | None = None) -> people.Api:
        return people.Api(user, scopes)

    return make
