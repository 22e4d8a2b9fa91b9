"""The build for NVIDIA's cards, read line by line: no card and no container engine is at hand."""

import json
import re
from typing import Any

import llama_wheel
import pytest
import yaml

from tests.setup.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OVERRIDE: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "compose.gpu.yml").read_text(encoding="utf-8")
)
BASE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
KNOWN = {"FROM", "ARG", "RUN", "COPY", "ENV", "WORKDIR", "USER", "EXPOSE", "VOLUME", "CMD"}


def _instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction and the rest of it, lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, rest in found]


def _stages() -> dict[str, list[tuple[str, str]]]:
    """By name; the last one, which has none, by ""."""
    stages: dict[str, list[tuple[str, str]]] = {}
    name = "(before)"
    for instruction, rest in _instructions(DOCKERFILE):
        if instruction == "FROM":
            name = rest.partition(" AS ")[2]
        stages.setdefault(name, []).append((instruction, rest))
    return stages


def test_it_is_a_dockerfile() -> None:
    assert {name for name, _ in _instructions(DOCKERFILE)} <= KNOWN
    for name, rest in _instructions(DOCKERFILE):
        if name == "CMD":
            assert isinstance(json.loads(rest), list)
        assert rest.count('"') % 2 == 0, rest
    # Arguments in a FROM are known if they stand before the first one, and nowhere else.
    before = {rest.partition("=")[0] for name, rest in _stages()["(before)"] if name == "ARG"}
    used = {
        word
        for name, rest in _instructions(DOCKERFILE)
        if name == "FROM"
        for word in re.findall(r"\$\{(\w+)\}", rest)
    }
    assert used == before == {"CUDA_VERSION"}


def test_stages_lead_to_each_other_and_the_last_has_no_card() -> None:
    stages = _stages()
    assert set(stages) == {"(before)", "build", "cpu", "build-cuda", "cuda", ""}
    assert stages[""] == [("FROM", "cpu")]
    assert stages["cuda"][0] == ("FROM", "cpu AS cuda")
    for lines in stages.values():
        for _, rest in lines:
            for source in re.findall(r"(?:--from=|,from=)([\w-]+)", rest):
                assert source in stages


def test_images_are_pinned() -> None:
    for name, rest in _instructions(DOCKERFILE):
        image = rest.partition(" AS ")[0]
        if name == "FROM" and image != "cpu":
            assert re.fullmatch(r"[\w/.]+:[\w.${}-]*\d[\w.${}-]*", image), image
            assert "latest" not in image
    assert "ARG CUDA_VERSION=12." in DOCKERFILE


def test_nobody_is_root_at_the_end_and_no_secret_is_built_in() -> None:
    for name in ("cpu", "cuda"):
        users = [rest for instruction, rest in _stages()[name] if instruction == "USER"]
        assert users[-1] == "sovereign"
    for name, rest in _instructions(DOCKERFILE):
        if name in ("ARG", "ENV"):
            assert not re.search(r"(?i)(password|secret|token|_key)\b", rest), rest
        assert "--mount=type=secret" not in rest


def test_the_engine_is_built_with_cuda_from_the_pinned_source_and_runs_on_older_libraries() -> None:
    build = _stages()["build-cuda"]
    assert "-devel-ubuntu22.04" in build[0][1], "an older C library than the image that runs it"
    runs = " ".join(rest for name, rest in build if name == "RUN")
    assert '--wheel-only /tmp/wheels --cuda "$CUDA_ARCHITECTURES"' in runs
    for library in ("libcudart", "libcublas.", "libcublasLt"):
        assert library in runs
    runtime = " ".join(rest for _, rest in _stages()["cuda"])
    assert "devel" not in runtime and "--no-index" in runtime
    assert "-DGGML_CUDA=ON" in llama_wheel.build_env("avx2", "80;90")["CMAKE_ARGS"]
    assert "CUDA" not in llama_wheel.build_env("avx2")["CMAKE_ARGS"]


@pytest.mark.parametrize("cuda", ["", "90", "80;90"])
def test_wheels_of_other_builds_are_not_mixed_up(tmp_path: Any, cuda: str) -> None:
    folders = {llama_wheel.folder(tmp_path, "avx2", each) for each in ("", "90", "80;90")}
    assert len(folders) == 3
    home = llama_wheel.folder(tmp_path, "avx2", cuda)
    home.mkdir(parents=True)
    (home / f"llama_cpp_python-{llama_wheel.VERSION}-py3-none-any.whl").touch()
    found = [each for each in ("", "90", "80;90") if llama_wheel.cached(tmp_path, "avx2", each)]
    assert found == [cuda]


def test_the_cards_go_to_the_models_alone_and_open_no_network() -> None:
    services = OVERRIDE["services"]
    assert {name for name, each in services.items() if "deploy" in each} == {"models"}
    models = services["models"]
    assert models["build"]["target"] in _stages()
    assert models["image"] != BASE["services"]["models"]["image"]
    [device] = models["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    for name, each in services.items():
        assert name in BASE["services"]
        assert not {"networks", "network_mode", "ports", "privileged", "user", "cap_add"} & set(
            each
        )
    declared = {rest.partition("=")[0] for name, rest in _instructions(DOCKERFILE) if name == "ARG"}
    assert set(models["build"]["args"]) <= declared
