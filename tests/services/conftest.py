from collections.abc import Iterator

import httpx
import pytest

from tests.services.production import EMAIL, Production, production
from tests.services.servers import MISSING, installed


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The services of docker-compose.yml against Debian's PostgreSQL and Redis."""
    if not installed():
        pytest.skip(MISSING)
    with production(tmp_path_factory.mktemp("compose") / "site") as running:
        yield running


@pytest.fixture(scope="module")
def api(product: Production) -> Iterator[httpx.Client]:
    """The administrator whom the environment named, with a token of hers."""
    password = product.site.secret("admin_password")
    with product.client() as stranger:
        answer = stranger.post("/api/v1/tokens", json={"email": EMAIL, "password": password})
        assert answer.status_code == 201, answer.text
    with product.client(answer.json()["token"]) as client:
        yield client
