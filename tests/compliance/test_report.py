"""A real report of the test installation: made, signed, chained, listed, printed."""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pypdf
import pytest
from django.conf import settings as project
from django.test import override_settings
from django.utils import translation

from audit import actions, keys, seal
from audit.models import Entry
from audit.record import record
from compliance import installed, pdf, report, report_parts, signing, verify_report
from compliance.prove import Proof
from compliance.signing import ReportFile
from inference.registry import Registry
from tests.audit.tampering import tampered
from tests.inference.parts import SMALL

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One of its own, with two packages: tests of the bill of materials take all."""
    few = [distribution("cryptography"), distribution("django")]
    monkeypatch.setattr(installed, "packages", lambda: few)
    with override_settings(
        DATA_DIR=tmp_path,
        EVIDENCE_DIR=tmp_path / "evidence",
        RUN_DIR=tmp_path / "run",
        MODELS_DIR=tmp_path / "models",
    ):
        yield


def proof(**more: Any) -> Proof:
    return Proof("2026-01-31T08:00:00+00:00", "namespace", [], sha256="0" * 64, **more)


def made(found: Proof | None = None) -> ReportFile:
    return report.make(proof=found or proof())


# --- files --------------------------------------------------------------------------------------
def test_it_is_accepted_by_the_verifier_and_readable_for_its_owner_alone() -> None:
    file = made()
    assert verify_report.main([str(file.path), "--key", keys.fingerprint()]) == 0
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_overwritten() -> None:
    file = made()
    with pytest.raises(FileExistsError):
        signing.save(file.path.name, b"other")
    assert signing.find(file.id) == file


def test_reports_are_listed_the_newest_first_and_foreign_files_are_not() -> None:
    first, second = made(), made()
    (signing.folder() / "20260131T080000Z-00000000.json").write_text("{}")
    (signing.folder() / "other.json").write_text("{}")
    assert report.listed() == [second, first]


@pytest.mark.parametrize("identifier", ["../../etc/passwd", "", "20260131T080000Z-0123ABCD", "x"])
def test_what_is_no_id_finds_nothing(identifier: str) -> None:
    assert signing.find(identifier) is None


def test_the_bill_of_materials_lies_beside_it_once() -> None:
    first, second = made(), made()
    bill = report.bill_of(first)
    assert (
        hashlib.sha256(bill.read_bytes()).hexdigest() == first.content()["dependencies"]["sha256"]
    )
    same = first.content()["code"]["sha256"] == second.content()["code"]["sha256"]
    assert (report.bill_of(second) == bill) is same


# --- the chain of reports -----------------------------------------------------------------------
def test_each_report_names_the_one_before() -> None:
    first, second = made(), made()
    assert first.content()["previous"] is None
    said = second.content()
    assert said["previous"] == {"number": 1, "id": first.id, "sha256": first.sha256}
    assert said["before"] == [{"number": 1, "sha256": first.sha256}]
    options = ["--key", keys.fingerprint(), "--previous", str(first.path)]
    assert verify_report.main([str(second.path), *options]) == 0


def test_a_report_that_was_taken_away_leaves_its_number() -> None:
    first = made()
    first.path.unlink()
    said = made().content()
    assert (said["number"], said["previous"]["sha256"]) == (2, first.sha256)


def test_the_record_names_each_report_by_its_hash() -> None:
    file = made()
    entry = Entry.objects.get(action=actions.REPORT_MADE)
    assert (entry.target_id, entry.data["sha256"]) == (file.id, file.sha256)


# --- what it says -------------------------------------------------------------------------------
def test_it_is_not_well_when_the_proof_is_not_or_the_record_is_not() -> None:
    assert not made().ok  # nobody tried anything
    assert not made(proof(silent=[{"kind": "web", "why": "not heard"}])).ok


def test_refusals_since_the_report_before_are_summed_and_the_proofs_own_apart() -> None:
    about: dict[str, Any] = {"role": "web", "event": "connect", "host": "192.0.2.1", "port": 443}
    record(actions.EGRESS_REFUSED, data={**about, "times": 3})
    made()
    record(actions.EGRESS_REFUSED, data={**about, "times": 2})
    record(actions.EGRESS_REFUSED, data={**about, "times": 5})
    record(actions.EGRESS_REFUSED, data={**about, "event": "proof", "times": 100})
    refused = made().content()["refused"]
    assert refused["groups"] == [{**about, "times": 7}]
    assert (refused["total"], refused["by_proofs"]) == (7, 100)


def test_the_state_of_the_record_is_that_of_its_chain() -> None:
    record(actions.STARTED)
    state = made().content()["record"]
    assert state["ok"]
    assert state["sealed"] >= 1
    assert len(state["head"]["digest"]) == 64


def test_a_changed_entry_is_said() -> None:
    record(actions.STARTED)
    seal.seal()
    with tampered(("UPDATE audit_entry SET actor = 'x' WHERE action = %s", [actions.STARTED])):
        assert not made().content()["record"]["ok"]


def test_models_are_there_with_hash_licence_and_origin(tmp_path: Path) -> None:
    file = tmp_path / "ours.gguf"
    file.write_bytes(SMALL)
    Registry(tmp_path / "models").add(file, name="ours", licence="mit")
    (model,) = made().content()["models"]
    assert model["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert (model["name"], model["licence"], model["by_hand"]) == ("ours", "mit", True)
    assert model["origin"]["how"] == "added"
    assert model["origin"]["by"]


def test_the_advisories_that_are_lived_with_are_in_it() -> None:
    found = made().content()["dependencies"]["advisories"]
    assert "CVE-2026-45829" in {each["id"] for each in found}


def test_settings_are_there_and_secrets_are_not() -> None:
    with override_settings(
        IN_FORCE={
            "SOVEREIGN_SECRET_KEY": "canary-1",
            "SOVEREIGN_OPENAI_KEY": "",
            "SOVEREIGN_ADMIN_EMAIL": "canary@example.org",
            "SOVEREIGN_MASTER_KEY_COMMAND": "show canary-2",
            "DATABASE_URL": "postgres://user:canary-3@db.example.org:5432/name?sslpassword=canary-4",
            "SOVEREIGN_CONTEXT_TOKENS": "4096",
        }
    ):
        file = made()
    assert b"canary" not in file.path.read_bytes()
    assert file.content()["settings"]["values"] == {
        "DATABASE_URL": "postgres://db.example.org:5432/name",
        "SOVEREIGN_ADMIN_EMAIL": "set",
        "SOVEREIGN_CONTEXT_TOKENS": "4096",
        "SOVEREIGN_MASTER_KEY_COMMAND": "set",
        "SOVEREIGN_OPENAI_KEY": "not set",
        "SOVEREIGN_SECRET_KEY": "set",
    }


def test_gates_are_there_with_their_traffic(tmp_path: Path) -> None:
    from wall.status import Status, write

    (tmp_path / "run" / "gates").mkdir(parents=True)
    counted = {"connections": 2, "bytes_out": 10, "bytes_in": 20, "since": "2026-01-31T08:00:00Z"}
    (tmp_path / "run" / "gates" / "mail.json").write_text(json.dumps(counted))
    address = {"name": "mail", "host": "mail.example.org", "address": "192.0.2.9", "port": 25}
    write(tmp_path / "run", Status(wall="namespace", gates=[address]))  # type: ignore[list-item]
    (gate,) = report_parts.wall()["gates"]
    assert gate["host"] == "mail.example.org"
    assert gate["traffic"]["bytes_out"] == 10


# --- on paper -----------------------------------------------------------------------------------
def printed(language: str = "en") -> tuple[bytes, ReportFile]:
    file = made()
    with translation.override(language):
        return pdf.render(file.content(), keys.fingerprint(), file.sha256), file


def test_each_page_has_its_number_and_the_keys_fingerprint() -> None:
    content, _file = printed()
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        assert f"Page {number} of {len(pages)}" in text
        assert keys.fingerprint() in text


def test_it_names_the_hash_of_the_file() -> None:
    content, file = printed()
    assert file.sha256 in pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()


def test_its_fonts_are_inside_and_it_is_a4() -> None:
    content, _file = printed()
    reader = pypdf.PdfReader(io.BytesIO(content))
    for page in reader.pages:
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        fonts: Any = page["/Resources"]
        for font in fonts["/Font"].values():
            about = font.get_object()
            if about["/BaseFont"] in ("/Helvetica",):
                continue  # reportlab names it in every file and uses it nowhere here
            assert "/FontFile2" in about["/FontDescriptor"]


def test_letters_of_german_and_french_are_printed() -> None:
    file = made()
    content = {
        **file.content(),
        "wall": {**file.content()["wall"], "sentence": "Größe œuvre «ÀÉÇ» €"},
    }
    drawn = pdf.render(content, keys.fingerprint(), file.sha256)
    assert "Größe œuvre «ÀÉÇ» €" in pypdf.PdfReader(io.BytesIO(drawn)).pages[0].extract_text()


def test_the_same_report_gives_the_same_bytes() -> None:
    file = made()
    one, two = (pdf.render(file.content(), keys.fingerprint(), file.sha256) for _ in range(2))
    assert one == two


def test_a_report_from_the_folder_is_found_with_its_owner_unchanged() -> None:
    file = made()
    assert file.path.stat().st_uid == os.getuid()
    assert Path(project.EVIDENCE_DIR) in file.path.parents
