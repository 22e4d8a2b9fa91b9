"""What a model needs is weighed before it is loaded; which one is active outlives a restart."""

from pathlib import Path

import pytest

from inference.active import ActiveModel
from inference.errors import ModelError
from inference.fit import RESERVE, Need, check, judge, need
from inference.gguf import read_header
from tests.inference.parts import gguf, pair

GIGABYTE = 1_000_000_000


def test_the_header_says_what_a_token_takes(tmp_path: Path) -> None:
    sizes = {"block_count": 28, "embedding_length": 1536, "attention.head_count": 12}
    pairs = [pair(f"qwen2.{key}", value) for key, value in sizes.items()]
    head = pair("general.architecture", "qwen2")
    file = tmp_path / "x.gguf"
    file.write_bytes(gguf(head, *pairs, pair("qwen2.attention.head_count_kv", 2)))
    assert read_header(file).cell_bytes == 28_672
    file.write_bytes(gguf(head, *pairs, pair("qwen2.attention.key_length", 256)))
    assert read_header(file).cell_bytes == 28 * 12 * (256 + 128) * 2
    file.write_bytes(gguf(head))
    assert read_header(file).cell_bytes == 0


def test_what_fits_and_what_would() -> None:
    wanted = need(GIGABYTE, 28_672, 4_096, 2, 1)
    assert wanted.total == GIGABYTE + 4_096 * 28_672 + 50_000_000 + 80_000_000
    assert judge("it", wanted, 2 * GIGABYTE, 4_096).fits
    long = judge("it", wanted, GIGABYTE + RESERVE + 190_000_000, 4_096)
    assert "SOVEREIGN_CONTEXT_TOKENS to 2048" in long.detail
    large = judge("it", wanted, GIGABYTE, 4_096)
    assert "smaller model" in large.detail and "1.2 GB" in large.detail
    with pytest.raises(ModelError, match="model-too-large"):
        check(large)


def test_sequences_give_way_before_the_model_does() -> None:
    """More than one context of cells is held where memory allows, and not asked for where it does not."""
    wanted = Need(GIGABYTE, 4 * 4_096 * 28_672, 28_672)
    room = GIGABYTE + RESERVE + 300_000_000
    found = judge("it", wanted, room, 4_096)
    assert found.fits and found.needed < wanted.total


def test_the_active_model_and_the_setting(tmp_path: Path) -> None:
    state = ActiveModel(tmp_path, "first")
    assert (state.name(), state.before(), state.history()) == ("first", "", [])
    state.keep("second", "aa", "somebody", "activated")
    assert (state.name(), state.before()) == ("second", "first")
    state.keep("first", "bb", "somebody", "rolled-back")
    assert (state.name(), state.before()) == ("first", "second")
    assert [each.sha256 for each in state.history()] == ["bb", "aa"]
    # The setting was changed since: it is the newer word.
    changed = ActiveModel(tmp_path, "third")
    assert (changed.name(), changed.before(), len(changed.history())) == ("third", "", 2)
    (tmp_path / "active.json").write_text('{"start": "first", "active": 7, "history": [1, {}]}')
    assert ActiveModel(tmp_path, "first").name() == "first"
    assert len(ActiveModel(tmp_path, "first").history()) == 1
