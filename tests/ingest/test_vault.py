"""The format of an encrypted original: what is written is read, anything else is refused."""

import io
import os
import zipfile
from uuid import UUID, uuid4

import pytest

from ingest import vault
from ingest.vault import HEADER, SEGMENT, Unreadable

TAG = 16
PK = UUID("00000000-0000-4000-8000-000000000001")
KEY = bytes(range(32))

#: Around the borders of segments, where a format of this kind goes wrong.
SIZES = [
    0, 1, 15, 16, 17, SEGMENT - 1, SEGMENT, SEGMENT + 1,
    2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1, 3 * SEGMENT + 12_345,
]  # fmt: skip


def encrypted(data: bytes, key: bytes = KEY, pk: UUID = PK, part: int = 64 * 1024) -> bytes:
    target = io.BytesIO()
    writer = vault.Writer(target, key, pk)
    for start in range(0, len(data), part):
        writer.write(data[start : start + part])
    writer.finish()
    return target.getvalue()


def decrypted(data: bytes, key: bytes = KEY, pk: UUID = PK) -> bytes:
    with vault.reader(io.BytesIO(data), key, pk) as opened:
        return opened.read()


def refused(data: bytes, key: bytes = KEY, pk: UUID = PK) -> bool:
    with pytest.raises(Unreadable) as refusal:
        decrypted(data, key, pk)
    return refusal.value.code == "original-damaged"


def segments(data: bytes) -> tuple[bytes, list[bytes]]:
    body, size = data[HEADER:], SEGMENT + TAG
    return data[:HEADER], [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read(size: int) -> None:
    data = os.urandom(size)
    written = encrypted(data)
    assert decrypted(written) == data
    assert len(written) == HEADER + size + TAG * max(1, -(-size // SEGMENT))


@pytest.mark.parametrize("part", [1_000, SEGMENT, 5 * SEGMENT])
def test_the_parts_that_come_do_not_matter(part: int) -> None:
    data = os.urandom(2 * SEGMENT + 7)
    assert decrypted(encrypted(data, part=part)) == data


def test_it_can_be_read_from_any_place() -> None:
    data = os.urandom(3 * SEGMENT + 100)
    with vault.reader(io.BytesIO(encrypted(data)), KEY, PK) as opened:
        for start in (0, 5, SEGMENT - 3, 2 * SEGMENT, len(data) - 4, len(data), len(data) + 9):
            opened.seek(start)
            assert opened.read(50) == data[start : start + 50]
        assert opened.seek(-10, os.SEEK_END) == len(data) - 10
        assert opened.read() == data[-10:]


def test_a_zip_reader_can_work_on_it() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a", os.urandom(SEGMENT))
        archive.writestr("b", b"words")
    opened = vault.reader(io.BytesIO(encrypted(made.getvalue())), KEY, PK)
    with opened, zipfile.ZipFile(opened) as archive:
        assert archive.read("b") == b"words" and archive.testzip() is None


def test_every_byte_of_a_small_file_is_guarded() -> None:
    written = encrypted(b"Annual leave is 28 days.")
    for place in range(len(written)):
        changed = bytearray(written)
        changed[place] ^= 1
        assert refused(bytes(changed)), place


def test_bytes_anywhere_in_a_large_file_are_guarded() -> None:
    written = encrypted(os.urandom(2 * SEGMENT + 500))
    for place in (HEADER, HEADER + SEGMENT + TAG, len(written) // 2, len(written) - 1):
        changed = bytearray(written)
        changed[place] ^= 0x80
        assert refused(bytes(changed)), place


def test_every_cut_of_a_small_file_is_seen() -> None:
    written = encrypted(b"Annual leave is 28 days.")
    for size in range(len(written)):
        assert refused(written[:size]), size


@pytest.mark.parametrize("size", [2 * SEGMENT, 2 * SEGMENT + 500])
def test_a_cut_at_the_border_of_a_segment_is_seen_before_anything_is_read(size: int) -> None:
    written = encrypted(os.urandom(size))
    with pytest.raises(Unreadable):
        vault.reader(io.BytesIO(written[: HEADER + SEGMENT + TAG]), KEY, PK)


def test_segments_cannot_change_places_nor_come_twice_nor_be_left_out() -> None:
    head, (first, second, third) = segments(encrypted(os.urandom(2 * SEGMENT + 500)))
    for order in ((second, first, third), (first, first, third), (first, third), (second, third)):
        assert refused(head + b"".join(order))
    assert refused(head + first + second + third + third)


def test_segments_of_another_file_under_the_same_key_are_refused() -> None:
    head, (first, *_) = segments(encrypted(os.urandom(SEGMENT + 5)))
    _, (_, other) = segments(encrypted(os.urandom(SEGMENT + 5)))
    assert refused(head + first + other)


def test_a_file_in_another_documents_place_is_refused() -> None:
    assert refused(encrypted(b"28 days."), pk=uuid4())


def test_another_key_opens_nothing() -> None:
    assert refused(encrypted(b"28 days."), key=vault.new_key())


def test_nothing_of_the_plain_bytes_is_in_it() -> None:
    """Words of seven letters and more: four digits are somewhere in two million bytes by chance."""
    written = encrypted(b"kestrel-lantern-4417 " * 100_000)
    assert not [word for word in (b"kestrel", b"lantern", b"n-4417 k") if word in written]


def test_two_encryptions_of_the_same_bytes_share_nothing() -> None:
    one, other = encrypted(bytes(5_000)), encrypted(bytes(5_000))
    assert one[HEADER : HEADER + 64] != other[HEADER : HEADER + 64]


def test_a_file_that_grows_while_it_is_open_does_not_grow() -> None:
    file = io.BytesIO(encrypted(b"28 days."))
    opened = vault.reader(file, KEY, PK)
    file.getbuffer().release()
    file.seek(0, os.SEEK_END)
    file.write(b"more")
    assert opened.read() == b"28 days."
