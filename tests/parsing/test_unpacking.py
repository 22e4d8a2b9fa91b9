"""Archives unpacked in a child: real archives, real limits, and a child that lies."""

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsers import unpacking, unzip
from ingest.parsers.base import ParseError
from ingest.parsers.frames import Told
from tests.parsing import files

ROOMY = unzip.Bounds(100, 1 << 20, 8 << 20)


class Kept:
    """Name, bytes and code of each file that came."""

    def __init__(self) -> None:
        self.files: list[tuple[str, bytes, str]] = []
        self._name, self._data = "", b""

    def begin(self, name: str) -> None:
        self._name, self._data = name, b""

    def data(self, piece: bytes) -> None:
        self._data += piece

    def end(self, code: str) -> None:
        self.files.append((self._name, self._data, code))


def unpacked(path: Path | int, bounds: unzip.Bounds = ROOMY, told: Told | None = None) -> Kept:
    kept = Kept()
    unpacking.unpack_isolated(
        path,
        bounds,
        kept,
        cpu_seconds=30,
        wall_seconds=60,
        memory_mb=1024,
        told=told or Told(),
    )
    return kept


def test_each_file_comes_whole_and_in_order(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    big = os.urandom(700_000)
    path = files.archive(
        tmp_path / "a.zip", {"a.txt": b"first", "b/c.bin": big, "empty": b"", "b/ä.txt": b"last"}
    )
    kept = unpacked(path, told=Told(lambda *each: told.append(each)))
    assert kept.files == [
        ("a.txt", b"first", ""),
        ("b/c.bin", big, ""),
        ("empty", b"", ""),
        ("b/ä.txt", b"last", ""),
    ]
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_what_systems_leave_behind_is_not_mentioned(tmp_path: Path) -> None:
    names = ["d/", "__MACOSX/._a", "x/.DS_Store", "Thumbs.db", "d/~$report.docx", "._b", "d\\e\\"]
    path = files.archive(tmp_path / "a.zip", dict.fromkeys([*names, "d/report.docx"], b"x"))
    assert [name for name, _, _ in unpacked(path).files] == ["d/report.docx"]


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for name, kind in (("link", stat.S_IFLNK), ("pipe", stat.S_IFIFO), ("plain", stat.S_IFREG)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (kind | 0o644) << 16
            out.writestr(info, b"/etc/passwd")
    assert unpacked(tmp_path / "a.zip").files == [
        ("link", b"", "link"),
        ("pipe", b"", "link"),
        ("plain", b"/etc/passwd", ""),
    ]


def test_too_large_too_much_and_too_many(tmp_path: Path) -> None:
    path = files.archive(
        tmp_path / "a.zip",
        {"big": os.urandom(3_000), "bomb": bytes(2 << 20), "a": os.urandom(900), "b": b"x" * 900},
    )
    bounds = unzip.Bounds(9, 3 << 20, 3 << 20)
    assert [code for _, _, code in unpacked(path, bounds).files] == [
        "",
        "archive-too-large",
        "",
        "",
    ]
    tight = unzip.Bounds(9, 2_000, 1_000)
    codes = [code for _, _, code in unpacked(path, tight).files]
    assert codes == ["file-too-large", "file-too-large", "", "archive-too-large"]
    assert files.code_of(unpacked, path, unzip.Bounds(3, 1 << 20, 1 << 20)) == "too-many-files"


def test_a_damaged_member_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:  # stored, so that the bytes can be found
        for name in ("a", "b", "c"):
            out.writestr(name, f"content of {name}")
    data = path.read_bytes().replace(b"content of b", b"CONTENT of b")
    path.write_bytes(data)
    assert [(name, code) for name, _, code in unpacked(path).files] == [
        ("a", ""),
        ("b", "damaged"),
        ("c", ""),
    ]


def test_a_member_with_a_password(tmp_path: Path) -> None:
    path = files.archive(tmp_path / "a.zip", {"a": b"x", "b": b"y"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert [code for _, _, code in unpacked(path).files] == ["encrypted", ""]


def test_methods_of_packing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for method in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
            zipfile.ZIP_BZIP2,
            zipfile.ZIP_LZMA,
        ):
            out.writestr(f"{method}", b"words " * 99, method)
    assert [code for _, _, code in unpacked(tmp_path / "a.zip").files] == [""] * 4
    data = bytearray((tmp_path / "a.zip").read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 9)  # Deflate64
    dictionary = data.rindex(b"PK\x03\x04") + 30 + 2 + 4 + 1
    struct.pack_into("<I", data, dictionary, 0xF0000000)  # LZMA: 4 GB to begin with
    (tmp_path / "a.zip").write_bytes(data)
    codes = [code for _, _, code in unpacked(tmp_path / "a.zip").files]
    assert codes == ["method", "", "", "archive-too-large"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Prüfung.txt".encode("cp437"), "Prüfung.txt"),
        ("Prüfung.txt".encode("cp1252"), "Prüfung.txt"),
        ("Prüfung – 5 €.txt".encode(), "Prüfung – 5 €.txt"),
        ("Größe/Straße.txt".encode("cp437"), "Größe/Straße.txt"),
        ("Größe.txt".encode("cp1252"), "Größe.txt"),
    ],
)
def test_names_of_older_programs(raw: bytes, expected: str) -> None:
    member = zipfile.ZipInfo(raw.decode("cp437"))
    assert unzip.name_of(member) == expected


@given(st.binary(min_size=1, max_size=40))
@settings(max_examples=200)
def test_any_name_is_read_somehow(raw: bytes) -> None:
    assert isinstance(unzip.name_of(zipfile.ZipInfo(raw.decode("cp437"))), str)


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PK\x03\x04" + bytes(500))
    assert files.code_of(unpacked, tmp_path / "a") == "damaged"


class Stop(Exception):
    """What a receiver raises to end the work."""


def test_the_receiver_can_stop_it_and_its_time_is_its_own(tmp_path: Path) -> None:
    path = files.archive(tmp_path / "a.zip", {"a": b"x"})

    class Stopping(Kept):
        def end(self, code: str) -> None:
            raise Stop

    with pytest.raises(Stop):
        unpacking.unpack_isolated(
            path, ROOMY, Stopping(), cpu_seconds=30, wall_seconds=60, memory_mb=1024
        )


# --- a child that lies ---------------------------------------------------------------------------


def fed(*parts: bytes, bounds: unzip.Bounds = ROOMY) -> tuple[unpacking._Members, Kept]:
    kept = Kept()
    frames = unpacking._Members(1_000, None, receiver=kept, bounds=bounds)
    for part in parts:
        if not frames.finished:
            frames.feed(part)
    return frames, kept


def test_frames_may_come_in_any_pieces() -> None:
    whole = b"P 0 1\nN 5\na.txtD 3\nabcD 0\nD 2\ndeZ 0\nG 2\n{}N 1\nbZ 9\nencryptedR 0\n"
    frames, kept = fed(*(whole[i : i + 1] for i in range(len(whole))))
    assert kept.files == [("a.txt", b"abcde", ""), ("b", b"", "encrypted")]
    assert frames.finished
    assert not frames.broken
    assert len(frames.refusals) == 1
    assert fed(whole)[1].files == kept.files


@pytest.mark.parametrize(
    "data",
    [
        b"D 1\nx",
        b"Z 0\n",
        b"N 1\naN 1\nb",
        b"N 99999\n",
        b"N 1\naD 9999999\n",
        b"N 1\naD -1\n",
        b"N 1\naD x\n",
        b"Q 1\n",
        b"x" * 100,
    ],
)
def test_frames_out_of_order_or_measure(data: bytes) -> None:
    frames, _ = fed(data)
    assert frames.broken


def test_the_bounds_hold_whatever_the_child_sends() -> None:
    bounds = unzip.Bounds(2, 4, 6)
    for data in (b"N 1\naD 5\n12345", b"N 1\naD 4\n1234Z 0\nN 1\nbD 3\n123"):
        with pytest.raises(ParseError, match="archive-too-large"):
            fed(data, bounds=bounds)
    with pytest.raises(ParseError, match="too-many-files"):
        fed(b"N 1\naZ 0\n" * 3, bounds=bounds)


def test_an_unknown_reason_is_damage() -> None:
    assert fed(b"N 1\naZ 6\n<html>")[1].files == [("a", b"", "damaged")]


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_noise_raises_nothing_else(parts: list[bytes]) -> None:
    try:
        fed(*parts)
    except ParseError as error:
        assert error.code
