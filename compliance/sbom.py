"""The bill of materials: CycloneDX 1.6 of the packages, models and code that run here.

The same installation gives the same bytes: the serial number is made from the content, and the time
is that of the newest part. So two bills can be compared by their hash.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from django.conf import settings
from packageurl import PackageURL

from compliance import installed, sources
from inference.model import Model
from inference.registry import Registry

_SPACE = uuid.UUID("8c6f3f0e-58c4-5e0c-9a44-0f2f7d0b6f10")
_LICENCES = LicenseFactory()


def bill() -> bytes:
    """The bill of materials as JSON. Valid by the schema of CycloneDX 1.6 (a test holds it to it)."""
    code = sources.sources(settings.BASE_DIR)
    pinned = pins(settings.BASE_DIR / "requirements" / "base.txt")
    product = Component(
        name="sovereign",
        type=ComponentType.APPLICATION,
        bom_ref="sovereign",
        version=settings.VERSION,
        hashes=[_sha256(code.sha256)],
        licenses=[_LICENCES.make_with_id("Apache-2.0")],
        properties=_properties({"sources": str(code.files), "commit": code.commit}),
    )
    parts = [package(each, pinned) for each in installed.packages()]
    parts += [_model(each) for each in models()]
    bom = Bom(components=parts)
    bom.metadata.component = product
    bom.metadata.timestamp = _newest()
    bom.register_dependency(product, parts)
    bom.serial_number = uuid.uuid5(_SPACE, _content(bom))
    return JsonV1Dot6(bom).output_as_string(indent=1).encode()


def summary(content: bytes) -> dict[str, Any]:
    """What a report says of a bill: its hash, and how many parts of which kind and licence."""
    parts = json.loads(content)["components"]
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "format": "CycloneDX 1.6",
        "packages": sum(part["type"] == "library" for part in parts),
        "models": sum(part["type"] == "machine-learning-model" for part in parts),
        "unpinned": sorted(
            f"{part['name']} {part.get('version', '')}"
            for part in parts
            if part["type"] == "library" and "externalReferences" not in part
        ),
        "without_licence": sorted(part["name"] for part in parts if "licenses" not in part),
    }


def models() -> list[Model]:
    """The models that are here."""
    return Registry(settings.MODELS_DIR).here()


def pins(lock: Path) -> dict[tuple[str, str], list[str]]:
    """(package, version) -> the SHA-256 of each file that the lock allows for it."""
    found: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in lock.read_text(encoding="utf-8").splitlines() if lock.is_file() else []:
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", line):
            current = found.setdefault((installed.normal(match[1]), match[2]), [])
        current += re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    return found


def package(
    distribution: Distribution, pinned: dict[tuple[str, str], list[str]] | None = None
) -> Component:
    name, version = installed.normal(distribution.name), distribution.version
    purl = PackageURL("pypi", name=name, version=version)
    hashes = (pinned or {}).get((name, version), [])
    allowed = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{name}/{version}/"),
        comment="the installed file is one of these, by the lock",
        hashes=[_sha256(value) for value in hashes],
    )
    return Component(
        name=name,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        version=version,
        purl=purl,
        licenses=_licences(licence_of(distribution)),
        external_references=[allowed] if hashes else [],
        properties=_properties({"record-sha256": installed.record_sha256(distribution)}),
    )


def licence_of(distribution: Distribution) -> str:
    """What the package says of its licence, short; "" where it says nothing."""
    about = distribution.metadata

    def first(name: str) -> str:
        values = (about.get_all(name) or [""])[0].strip().splitlines()
        return values[0] if len(values) == 1 and len(values[0]) < 100 else ""

    text = first("License-Expression") or first("License")
    if text and text.upper() != "UNKNOWN":
        return text
    named = [each for each in about.get_all("Classifier") or [] if each.startswith("License ::")]
    return ", ".join(each.rpartition(" :: ")[2] for each in named)


def _model(model: Model) -> Component:
    origin = Registry(settings.MODELS_DIR).origin(model.name)
    return Component(
        name=model.name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{model.name}",
        description=model.source,
        hashes=[_sha256(model.sha256)],
        licenses=_licences("" if model.licence == "unknown" else model.licence),
        properties=_properties(
            {f"file:{name}": digest for name, digest in model.files.items()}
            | {f"origin:{name}": value for name, value in origin.as_dict().items()}
        ),
    )


def _licences(text: str) -> list[License]:
    return [_LICENCES.make_from_string(text)] if text else []


def _sha256(value: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=value)


def _properties(content: dict[str, str]) -> Iterable[Property]:
    return [
        Property(name=f"sovereign:{name}", value=value) for name, value in content.items() if value
    ]


def _newest() -> datetime:
    """When the last package was installed or the newest model came here."""
    places = {Path(str(each.locate_file(""))) for each in installed.packages()}
    places |= {model.path for model in models()}
    return datetime.fromtimestamp(int(max(place.stat().st_mtime for place in places)), UTC)


def _content(bom: Bom) -> str:
    bom.serial_number = _SPACE
    return JsonV1Dot6(bom).output_as_string()
