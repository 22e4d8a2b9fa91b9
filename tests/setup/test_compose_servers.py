"""The file that lets the models reach servers elsewhere: by gates to single addresses, and nothing more."""

import re
from typing import Any

import pytest
import yaml

from tests.setup.conftest import ROOT
from wall.confine import _parse


class _Loader(yaml.SafeLoader):
    """`!reset`: what Compose takes away of the other file."""


_Loader.add_constructor("!reset", lambda loader, node: "RESET")
TEXT = (ROOT / "deploy" / "compose.servers.yml").read_text(encoding="utf-8")
OVERRIDE: dict[str, Any] = yaml.load(TEXT, Loader=_Loader)  # noqa: S506 - a loader of safe tags
BASE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = OVERRIDE["services"]
GATES = {name: each for name, each in SERVICES.items() if name.startswith("gate-")}
NUMBERS = {
    "MODEL_SERVER_PORT": "8000",
    "MODEL_SERVER_2_PORT": "9000",
    "MODEL_SERVER_ADDRESS": "10.0.0.21",
}


def filled(command: list[str]) -> list[str]:
    """As Compose would have it."""

    def value(match: re.Match[str]) -> str:
        return NUMBERS.get(match[1], match[2])

    return [re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", value, word) for word in command]


def test_the_models_reach_the_gates_alone() -> None:
    models = SERVICES["models"]
    assert models["network_mode"] == "RESET" and models["networks"] == ["servers"]
    assert BASE["services"]["models"]["network_mode"] == "none", "else there is nothing to reset"
    assert OVERRIDE["networks"]["servers"] == {"internal": True}
    on_it = {name for name, each in SERVICES.items() if "servers" in (each.get("networks") or [])}
    assert on_it == {"models", *GATES}
    beyond = {name for name, each in SERVICES.items() if "beyond" in (each.get("networks") or [])}
    assert beyond == set(GATES), "whoever is on it has a way out"
    assert not set(OVERRIDE["networks"]) & set(BASE["networks"])
    assert not any(
        {"ports", "privileged", "cap_add", "user"} & set(each) for each in SERVICES.values()
    )


def test_the_models_stay_confined_as_they_were() -> None:
    was = filled(BASE["services"]["models"]["command"])
    now = filled(SERVICES["models"]["command"])
    added = ["--connect", "8000", "--connect", "9000", "--lookups"]
    start = now.index("--connect")
    assert now[start : start + len(added)] == added
    assert now[:start] + now[start + len(added) :] == was


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_gate_passes_on_to_one_address(name: str) -> None:
    gate, command = GATES[name], filled(GATES[name]["command"])
    order = _parse(command[command.index("--profile") :])
    assert order.profile == "gate" and order.bind == order.connect and len(order.bind) == 1
    assert [str(path) for path in order.write] == ["/tmp"] and not order.lookups  # noqa: S108
    program = command[command.index("--", 1) + 1 :]
    options = dict(zip(program[3::2], program[4::2], strict=True))
    assert program[:3] == ["python", "-I", "wall/gate.py"]
    assert options["--listen"] == str(order.bind[0])
    assert re.fullmatch(rf"[\d.]+:{options['--listen']}", options["--to"])
    assert options["--state"] in gate["healthcheck"]["test"]
    assert not {"volumes", "secrets", "environment"} & set(gate), "it knows and keeps nothing"


@pytest.mark.parametrize("name", sorted(GATES))
def test_a_gate_can_gain_no_rights(name: str) -> None:
    gate = GATES[name]
    assert gate["image"] == BASE["services"]["models"]["image"]
    assert gate["read_only"] and gate["cap_drop"] == ["ALL"]
    assert gate["security_opt"] == ["no-new-privileges:true"]


def test_others_are_told_and_no_secret_has_a_value() -> None:
    """The compliance page says by this where questions go."""
    for name in ("prepare", "web", "worker", "beat"):
        assert set(SERVICES[name]) == {"environment"}, name
        assert set(SERVICES[name]["environment"]) == {"SOVEREIGN_OPENAI_URL"}
    assert (
        SERVICES["models"]["environment"]["SOVEREIGN_OPENAI_KEY_FILE"] == "/run/secrets/model_key"
    )
    assert OVERRIDE["secrets"] == {"model_key": {"file": "./secrets/model_key"}}
    assert set(SERVICES) - set(GATES) <= set(BASE["services"])
    assert {name for name, each in GATES.items() if "profiles" not in each} == {"gate-1"}
