"""Beside a queue of files that never ends, a second index is built all the same, and nobody waits long."""

from collections.abc import Callable
from typing import Any

import pytest

from inference.fake import FakeClient
from ingest import build, reindex
from ingest.indexes import active
from ingest.models import Document, Index
from tests.ingest.conftest import Add, Put

pytestmark = pytest.mark.django_db

OTHER = "all-minilm-l6-v2"
TEXT = "\n\n".join(
    f"## Section {n}\n\n" + f"In case {n} the office closes on day {n}. " * 12 for n in range(9)
)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Passages are embedded one by one; each takes a second of a clock that nothing else moves."""
    now, sizes = [100.0], []
    real = FakeClient.embed_passages

    def embed(self: FakeClient, given: Any, **named: Any) -> Any:
        now[0] += 1.0
        sizes.append(len(given))
        return real(self, given, **named)

    monkeypatch.setattr(FakeClient, "embed_passages", embed)
    monkeypatch.setattr("ingest.vectors.BATCH", 1)
    monkeypatch.setattr(build, "monotonic", lambda: now[0])
    return sizes


@pytest.fixture
def turn(put: Put, settings: Any) -> Callable[[Index], None]:
    """One message of a single worker, while a new file waits again."""
    settings.WORKER_PROCESSES, settings.INDEX_GRACE_SECONDS = 1, 0
    count = iter(range(1_000))

    def work(index: Index) -> None:
        put(f"waits-{next(count)}.md", "A file that somebody put there.")
        Index.objects.filter(pk=index.pk).update(lease_until=None)
        build.go_on(index.pk)

    return work


def test_each_turn_gets_its_share_of_batches(
    add: Add, batches: list[int], turn: Callable[[Index], None]
) -> None:
    document = add("long.md", TEXT)
    passages = document.chunk_count
    assert passages > 6
    new = reindex.begin(None, embedder=OTHER)
    turns = 0
    while active() != new:
        before = len(batches)
        turn(new)
        turns += 1
        assert len(batches) - before <= build.SHARE_SECONDS, "and people wait no longer"
        assert turns <= passages // build.SHARE_SECONDS + 1, "more than a batch a turn"


def test_cutting_that_takes_long_is_not_of_its_share(
    add: Add, batches: list[int], turn: Callable[[Index], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add("long.md", TEXT)
    new = reindex.begin(None, embedder=OTHER)
    clock, cut = build.monotonic, build._passages  # type: ignore[attr-defined]
    late = [0.0]

    def slow(index: Index, document: Document) -> Any:
        late[0] = 15.0
        return cut(index, document)

    monkeypatch.setattr(build, "_passages", slow)
    monkeypatch.setattr(build, "monotonic", lambda: clock() + late[0])
    before = len(batches)
    turn(new)
    assert len(batches) - before == build.SHARE_SECONDS
