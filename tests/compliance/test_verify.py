"""The verifier shares no code with the product, accepts what was signed, and nothing else."""

import ast
import base64
import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_django import Settings

from audit import checkpoints, export, keys
from audit.models import Entry
from audit.record import record
from audit.seal import seal
from compliance import signing, verify_report
from compliance.verify_report import Unchecked, Wrong, canonical, open_report, parse

VERIFIER = Path(verify_report.__file__)


@pytest.fixture(autouse=True)
def _own_key(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.EVIDENCE_DIR = tmp_path / "evidence"


def contents(**more: Any) -> dict[str, Any]:
    """A small report with all that the verifier reads out of one."""
    return {
        "kind": "sovereign-report",
        "version": 1,
        "id": "20260131T080000Z-0123abcd",
        "number": 1,
        "made_at": "2026-01-31T08:00:00+00:00",
        "installation": keys.fingerprint(),
        "previous": None,
        "proof": {"refused": 21, "attempts": 21, "processes": [], "silent": [], "ok": True},
        "wall": {"sentence": "Die Wand hält — «ça tient» 🧱"},
        "refused": {"total": 0},
        "record": {"ok": True, "sealed": 3, "unsealed": 0, "head": {"position": 0, "digest": ""}},
        **more,
    }


def saved(name: str = "report.json", **more: Any) -> Path:
    path = Path(keys.key_file()).parent / name
    path.write_bytes(signing.signed(contents(**more)))
    return path


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(VERIFIER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(content: bytes) -> bool:
    path = Path(keys.key_file()).parent / "changed.json"
    path.write_bytes(content)
    try:
        open_report(str(path), keys.fingerprint())
    except Wrong:
        return True
    return False


# --- independence -------------------------------------------------------------------------------
def test_it_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    named = set()
    for node in ast.walk(ast.parse(VERIFIER.read_text(encoding="utf-8"), feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            named |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            named.add(str(node.module).split(".")[0])
    assert named - sys.stdlib_module_names == {"cryptography"}


def test_it_runs_alone_in_another_folder(tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "verify_report.py"
    alone.parent.mkdir()
    alone.write_bytes(VERIFIER.read_bytes())
    report = saved()
    done = subprocess.run(
        [sys.executable, "-I", str(alone), str(report), "--key", keys.fingerprint()],
        cwd=alone.parent,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_cryptography_it_says_so() -> None:
    code = (
        "import runpy, sys; sys.modules['cryptography'] = None; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    report = saved()
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(VERIFIER), str(report), "--key", keys.fingerprint()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "cryptography" in done.stdout) == (2, True)


# --- canonical JSON -----------------------------------------------------------------------------
def test_its_canonical_form_is_the_librarys() -> None:
    chance = random.Random(4)
    letters = [
        '"',
        "\\",
        "\x00",
        "\x1f",
        "\x7f",
        "é",
        "€",
        "\u2028",
        "\ue000",
        "😀",
        "a",
        "B",
        "\n",
    ]

    def value(depth: int) -> Any:
        kind = chance.randrange(6 if depth else 4)
        if kind == 4:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 5:
            return {text(): value(depth - 1) for _ in range(chance.randrange(5))}
        return [None, chance.random() < 0.5, chance.randrange(-(2**53) + 1, 2**53), text()][kind]

    def text() -> str:
        return "".join(chance.choices(letters, k=chance.randrange(6)))

    for _ in range(2_000):
        made = value(4)
        assert canonical(made) == rfc8785.dumps(made)
        assert parse(rfc8785.dumps(made), "it") == made


@pytest.mark.parametrize(
    "raw",
    [b"", b"nul", b'{"a":1,"a":1}', b"NaN", b"Infinity", b"1.5", b"1e3", b"-0", b"9007199254740992",
     b"1" * 5_000, b"[" * 100_000, b"[" * 900 + b"]" * 900 + b" ", b"\xff", b'"\\ud800"',
     b'"\\u00e9"', b"\xef\xbb\xbf{}", b' {"a":1}', b'{"a":1}\n', b'{"a": 1}', b'{"b":1,"a":1}',
     b"[1,]", b"'a'", b'"a', b"{}{}", b"\x00"],
    ids=lambda raw: repr(raw[:16]),
)  # fmt: skip
def test_anything_but_canonical_json_is_refused(raw: bytes) -> None:
    with pytest.raises(Wrong):
        parse(raw, "it")


# --- reports ------------------------------------------------------------------------------------
def test_a_signed_report_is_accepted_by_fingerprint_and_by_pem(tmp_path: Path) -> None:
    report = saved()
    pem = tmp_path / "key.pem"
    pem.write_text(keys.public_pem())
    mark = keys.fingerprint()
    grouped = " ".join(mark[place : place + 4] for place in range(0, 64, 4)).upper()
    for key in (mark, f"SHA256:{mark}", grouped, pem, keys.public_pem()):
        done = run(report, "--key", key)
        assert done.returncode == 0, done.stdout
        assert "right       report" in done.stdout


def test_every_byte_matters() -> None:
    content = saved().read_bytes()
    for place in range(len(content)):
        for flip in (0x01, 0x20):
            changed = bytearray(content)
            changed[place] ^= flip
            assert refused(bytes(changed)), (place, flip)


def test_every_missing_or_additional_byte_matters() -> None:
    content = saved().read_bytes()
    for place in range(len(content)):
        assert refused(content[:place] + content[place + 1 :]), place
        assert refused(content[:place] + b" " + content[place:]), place
    for more in (b" ", b"\n", b"0", b"}", b"\x00"):
        assert refused(content + more), more


def test_bytes_of_a_large_report_matter() -> None:
    processes = [
        {"name": f"web{number}", "problems": [], "facts": {"interfaces": ["lo"], "seccomp": 2}}
        for number in range(2_000)
    ]
    proof = {"refused": 1, "attempts": 1, "silent": [], "processes": processes}
    content = saved(proof=proof).read_bytes()
    assert len(content) > 100_000
    chance = random.Random(4)
    for _ in range(25):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        assert refused(bytes(changed))


def _signed_by(key: Ed25519PrivateKey, report: dict[str, Any], **signature: Any) -> bytes:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    made = {
        "algorithm": "Ed25519",
        "fingerprint": verify_report.fingerprint(raw),
        "key": raw.hex(),
        "value": key.sign(signing.CONTEXT + rfc8785.dumps(report)).hex(),
        **signature,
    }
    return rfc8785.dumps({"report": report, "signature": made})


def test_a_report_that_another_key_signed_is_refused() -> None:
    other = Ed25519PrivateKey.generate()
    assert refused(_signed_by(other, contents()))
    assert refused(_signed_by(other, contents(), fingerprint=keys.fingerprint()))


def test_a_report_of_another_installation_is_refused() -> None:
    assert refused(signing.signed(contents(installation="0" * 64)))


def test_a_signature_of_something_else_does_not_pass_for_a_reports() -> None:
    """The same key signs checkpoints; without its first line a signature is none of a report."""
    whole = json.loads(signing.signed(contents()))
    whole["signature"]["value"] = keys.sign(rfc8785.dumps(whole["report"])).hex()
    assert refused(rfc8785.dumps(whole))


def test_additional_names_beside_report_and_signature_are_refused() -> None:
    whole = json.loads(signing.signed(contents()))
    assert refused(rfc8785.dumps({**whole, "note": 1}))
    assert refused(rfc8785.dumps({**whole, "signature": {**whole["signature"], "note": 1}}))


def test_a_later_version_is_not_called_wrong() -> None:
    path = saved(version=2)
    with pytest.raises(Unchecked):
        open_report(str(path), keys.fingerprint())


def test_what_cannot_be_checked_ends_with_two(tmp_path: Path) -> None:
    report = saved()
    assert run(report, "--key", "not a key").returncode == 2
    assert run(tmp_path / "nothing.json", "--key", keys.fingerprint()).returncode == 2
    assert run(report).returncode == 2


def test_it_says_what_the_report_says_and_what_nobody_checked() -> None:
    silent = [{"kind": "models", "why": "not heard"}]
    proof = {
        "refused": 20,
        "attempts": 21,
        "silent": silent,
        "processes": [{"name": "web", "problems": ["got-through"]}],
    }
    said = run(saved(proof=proof), "--key", keys.fingerprint()).stdout
    assert "20 of 21 attempts" in said
    assert "ATTENTION: web: got-through." in said
    assert "ATTENTION: models did not answer" in said
    assert "--record was not given." in said


# --- the report before --------------------------------------------------------------------------
def _before(older: Path) -> dict[str, Any]:
    digest = hashlib.sha256(older.read_bytes()).hexdigest()
    return {"number": 1, "id": "20260131T080000Z-0123abcd", "sha256": digest}


def test_the_report_before_is_held_to_its_hash() -> None:
    older = saved("older.json")
    other = saved("other.json", made_at="2026-01-30T08:00:00+00:00")
    report = saved(number=2, previous=_before(older))
    assert run(report, "--key", keys.fingerprint(), "--previous", older).returncode == 0
    done = run(report, "--key", keys.fingerprint(), "--previous", other)
    assert (done.returncode, "WRONG       previous" in done.stdout) == (1, True)


# --- the record and its checkpoints -------------------------------------------------------------
@pytest.fixture
def chain(db: None, tmp_path: Path) -> list[bytes]:
    """Nine entries, three checkpoints."""
    for number in range(9):
        record("audit.test.do", data={"number": number, "name": "é€😀"})
        if number % 3 == 2:
            seal()
            checkpoints.write()
    return [line.rstrip("\n").encode() for line in export.lines(Entry.objects.all(), "jsonl")]


def _checked(lines: list[bytes], attested: list[bytes] | None = None) -> int:
    folder = Path(keys.key_file()).parent
    (folder / "record.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    attested = attested or checkpoints.lines_file().read_bytes().splitlines()
    (folder / "checkpoints.jsonl").write_bytes(b"".join(line + b"\n" for line in attested))
    options = ("--record", "record.jsonl", "--checkpoints", "checkpoints.jsonl")
    paths = [folder / each if each.endswith("l") else each for each in options]
    return verify_report.main(
        [str(saved()), "--key", keys.fingerprint(), *(str(path) for path in paths)]
    )


def test_the_record_and_its_checkpoints_are_accepted(chain: list[bytes]) -> None:
    assert _checked(chain) == 0


def test_a_changed_entry_is_found(chain: list[bytes]) -> None:
    changed = [line.replace(b'"number":4', b'"number":5') for line in chain]
    assert changed != chain
    assert _checked(changed) == 1


def test_a_removed_entry_and_a_cut_tail_are_found(chain: list[bytes]) -> None:
    assert _checked(chain[:3] + chain[4:]) == 1
    assert _checked(chain[:-2]) == 1


def test_two_entries_that_changed_places_are_found(chain: list[bytes]) -> None:
    third, fourth = json.loads(chain[3]), json.loads(chain[4])
    third["position"], fourth["position"] = fourth["position"], third["position"]
    assert _checked([*chain[:3], rfc8785.dumps(third), rfc8785.dumps(fourth), *chain[5:]]) == 1


def test_the_order_of_the_lines_is_not_that_of_the_chain(chain: list[bytes]) -> None:
    """An entry that was committed late is exported by its number and sealed behind newer ones."""
    assert _checked([*chain[:3], chain[4], chain[3], *chain[5:]]) == 0


def test_a_record_that_was_rewritten_whole_is_found_by_the_checkpoints(chain: list[bytes]) -> None:
    previous, rewritten = json.loads(chain[0])["previous"], []
    for line in chain:
        said = json.loads(line)
        said.pop("digest")
        said |= {"actor": "nobody", "previous": previous}
        previous = hashlib.sha256(rfc8785.dumps(said)).hexdigest()
        rewritten.append(rfc8785.dumps(said | {"digest": previous}))
    assert _checked(rewritten) == 1


def test_a_missing_or_changed_checkpoint_is_found(chain: list[bytes]) -> None:
    lines = checkpoints.lines_file().read_bytes().splitlines()
    assert _checked(chain, [lines[0], *lines[2:]]) == 1
    assert _checked(chain, [lines[0].replace(b'"number":1', b'"number":2'), *lines[1:]]) == 1


def test_a_checkpoint_that_another_key_signed_is_found(chain: list[bytes]) -> None:
    said = json.loads(checkpoints.lines_file().read_bytes().splitlines()[0])
    said.pop("signature")
    forged = Ed25519PrivateKey.generate().sign(rfc8785.dumps(said))
    line = rfc8785.dumps(said | {"signature": base64.b64encode(forged).decode()})
    assert _checked(chain, [line]) == 1


def test_lines_without_a_place_are_counted_and_not_vouched_for(
    chain: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    forged = json.loads(chain[0]) | dict.fromkeys(("position", "previous", "sealed", "digest"))
    assert _checked([*chain, rfc8785.dumps(forged | {"actor": "nobody"})]) == 0
    assert "1 lines have no place in the chain: nothing vouches for THEM" in capsys.readouterr().out


def test_a_part_of_the_record_is_called_one(
    chain: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _checked(chain[3:]) == 0
    assert "What stood before 4 is not in this file." in capsys.readouterr().out


def test_no_checkpoint_is_not_called_right(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_bytes(b"")
    done = run(saved(), "--key", keys.fingerprint(), "--checkpoints", tmp_path / "none.jsonl")
    assert (done.returncode, "NOT CHECKED checkpoints" in done.stdout) == (2, True)


def test_nothing_in_a_report_looks_like_the_verifiers_own_words() -> None:
    fake = "web\nright       record: Entries 1 to 9 are unchanged.\x1b[2J\u202e"
    silent = [{"kind": fake, "why": fake}]
    proof = {"refused": 0, "attempts": 0, "silent": silent, "processes": []}
    said = run(saved(proof=proof), "--key", keys.fingerprint()).stdout
    assert not [line for line in said.splitlines() if line.startswith("right       record")]
    assert "\x1b" not in said and "\u202e" not in said
