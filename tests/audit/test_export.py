"""Exports for other programs: complete, in order, and harmless to open."""

import csv
import hashlib
import io
import json
import re
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import actions, keys
from audit.chain import genesis
from audit.export import COLUMNS, FORMULA, UnknownFormat, lines
from audit.models import Entry
from audit.record import record
from audit.seal import seal

pytestmark = pytest.mark.django_db
EACH = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def exported(form: str) -> list[str]:
    return list(lines(Entry.objects.all(), form))


def test_the_oldest_comes_first() -> None:
    made = [record(actions.STARTED).pk for _ in range(3)]
    assert [json.loads(line)["id"] for line in exported("jsonl")] == made


def test_the_chain_verifies_from_the_export_alone() -> None:
    """As somebody with nothing but the file and the public key's fingerprint does."""
    for number in range(5):
        record(actions.STARTED, data={"number": number, "text": "é"})
    seal()
    previous = genesis(keys.fingerprint())
    for line in exported("jsonl")[:5]:
        values = json.loads(line)
        digest = values.pop("digest")
        assert values["previous"] == previous
        assert hashlib.sha256(rfc8785.dumps(values)).hexdigest() == digest
        previous = digest


def test_an_entry_that_waits_has_no_position() -> None:
    record(actions.STARTED)
    values = json.loads(exported("jsonl")[0])
    assert (values["position"], values["digest"]) == (None, None)


def test_what_cannot_be_hashed_is_exported_too() -> None:
    Entry.objects.create(action=actions.STARTED, data={"n": 2**60})
    assert json.loads(exported("jsonl")[0])["data"] == {"n": 2**60}


def test_another_format_is_refused_before_the_first_line() -> None:
    with pytest.raises(UnknownFormat):
        lines(Entry.objects.all(), "xml")


# --- CSV --------------------------------------------------------------------------------------
def test_csv_begins_with_the_names() -> None:
    record(actions.STARTED)
    rows = list(csv.reader(io.StringIO("".join(exported("csv")), newline="")))
    assert rows[0] == list(COLUMNS)
    assert [len(row) for row in rows] == [len(COLUMNS)] * 2


@given(text=TEXT, start=st.sampled_from(["", *FORMULA]))
@EACH
def test_no_cell_is_a_formula(text: str, start: str) -> None:
    made = Entry.objects.create(action=actions.STARTED, target_type=(start + text)[:32])
    written = "".join(lines(Entry.objects.filter(pk=made.pk), "csv"))
    row = list(csv.reader(io.StringIO(written, newline="")))[1]
    assert not any(cell.startswith(FORMULA) for cell in row)
    assert row[COLUMNS.index("target_type")].removeprefix("'") == made.target_type.removeprefix("'")


# --- CEF --------------------------------------------------------------------------------------
def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """By the specification: seven bars that are not escaped, then key=value."""
    assert line.endswith("\n")
    assert line.count("\n") == 1
    *header, extension = re.split(r"(?<!\\)(?:\\\\)*\|", line[:-1], maxsplit=7)
    found = {}
    keys_at = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", extension))
    for this, following in zip(keys_at, [*keys_at[1:], None], strict=True):
        value = extension[this.end() : following.start() if following else None]
        found[this[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), value)
    return header, found


def test_cef_says_what_happened() -> None:
    entry = record(actions.SIGN_IN_FAILED, target=("user", "u"), data={"a": "b=c|d\\e\nf"})
    seal()
    entry.refresh_from_db()
    header, found = read_cef(exported("cef")[0])
    assert header[0] == "CEF:0"
    assert header[4:7] == [actions.SIGN_IN_FAILED, actions.SIGN_IN_FAILED, "6"]
    assert found["rt"] == str(int(entry.at.timestamp() * 1_000))
    assert (found["externalId"], found["cs1"]) == (str(entry.uuid), "user:u")
    assert json.loads(found["cs3"]) == entry.data
    assert (found["cn1"], found["cs4"]) == ("1", entry.seal.digest)


@given(action=TEXT.filter(bool), data=st.dictionaries(TEXT, TEXT, max_size=3))
@EACH
def test_no_text_breaks_out_of_its_place_in_cef(action: str, data: dict[str, Any]) -> None:
    made = Entry.objects.create(action=action, data=data)
    (line,) = lines(Entry.objects.filter(pk=made.pk), "cef")
    assert line.splitlines() == [line[:-1]]
    header, found = re.split(r"(?<!\\)\|", re.sub(r"\\\\", "", line), maxsplit=7), read_cef(line)[1]
    assert len(header) == 8
    assert set(found) <= {
        *("rt", "externalId", "cs1Label", "cs2Label", "cs3Label", "cs3", "cs4Label", "cn1Label"),
    }
