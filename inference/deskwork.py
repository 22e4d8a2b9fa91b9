"""`manage.py models` at the desk: of the models process where one runs, else of the command itself."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings

from inference import origin
from inference.desk_client import ask_desk
from inference.errors import ModelError
from inference.fit import gigabytes
from inference.own_desk import desk_alone
from inference.protocol import ModelsUnavailable

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]

_LOOK_SECONDS = 0.2


def add_arguments(actions: Any) -> None:
    """The actions that need a loaded model."""
    for action, text in (
        ("try", "ask a model something"),
        ("measure", "how fast it reads and writes here, and what memory it takes"),
        ("activate", "let answers come from this chat model from now on"),
    ):
        parser = actions.add_parser(action, help=text)
        parser.add_argument("name")
        if action == "try":
            parser.add_argument("question")
        parser.add_argument("--json", action="store_true", help="for programs")
    back = actions.add_parser("rollback", help="activate the chat model that was active before")
    back.add_argument("--json", action="store_true", help="for programs")


def connect() -> Ask:
    """Raises ModelError whenever the desk does."""
    if settings.MODELS_URL == "fake:":
        return desk_alone().handle
    try:
        ask_desk("list")
    except ModelsUnavailable as error:
        if error.code != "models-down":
            raise ModelError(error.code, error.detail) from error
        return desk_alone().handle
    return _asked


def _asked(action: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return ask_desk(action, **body)
    except ModelsUnavailable as error:
        raise ModelError(error.code, error.detail) from error


def follow(
    ask: Ask, action: str, body: dict[str, Any], say: Callable[[str], Any]
) -> dict[str, Any]:
    """Begin a job and wait for its end; `say` is told what goes on. Raises ModelError.

    Where the command is broken off, what can be stopped is.
    """
    job, phase = ask(action, {**body, "by": origin.who()}), ""
    try:
        while job["state"] in ("queued", "running"):
            time.sleep(_LOOK_SECONDS)
            job = ask("job", {"id": job["id"]})
            if job["phase"] not in ("", phase):
                phase = job["phase"]
                say(f"{job['model']}: {phase}")
    except KeyboardInterrupt:
        with suppress(ModelError):
            ask("stop", {"id": job["id"]})
        raise
    if job["state"] == "failed":
        raise ModelError(job["code"], job["detail"])
    return job


def said(job: dict[str, Any]) -> list[str]:
    """What came of a job, for a person."""
    name, result = job["model"], job["result"]
    match job["kind"]:
        case "try":
            seconds, tokens = result["seconds"], result["tokens"]
            spent = f"first word after {seconds['first']:.1f} s, {tokens['completion']} tokens"
            late = ", and was given up" if result["end"] == "late" else ""
            return [result["text"], f"({name}: {spent} in {sum(seconds.values()):.1f} s{late})"]
        case "measure":
            speed = f"reads {result['prompt']:.1f} and writes {result['completion']:.1f} tokens a second"
            return [f"{name}: {speed}, {gigabytes(result['bytes'])} GB of memory beside its file"]
        case _:
            return [f"{name}: active (before: {result['before']}), SHA-256 {result['sha256']}"]


def table(listed: dict[str, Any], chosen: Iterable[str]) -> list[str]:
    """Rows under a head."""
    marks = {*chosen, listed["active"]}
    head = (
        f"  {'NAME':30} {'KIND':9} {'STATE':8} {'MB':>6} {'CONTEXT':>7} {'READ/WRITE':>12} LICENCE"
    )
    lines = [head]
    for row in listed["models"]:
        mark, speed = "*" if row["name"] in marks else " ", row["speed"]
        rate = f"{speed['prompt']:.0f}/{speed['completion']:.0f}" if speed["prompt"] else "-"
        state = {"unread": "here"}.get(row["state"], row["state"])
        terms = ", ".join(each for each in (row["licence"], row["family"]) if each)
        lines.append(
            f"{mark} {row['name']:30} {row['kind']:9} {state:8} {row['bytes'] / 1e6:>6,.0f} "
            f"{row['context']:>7} {rate:>12} {terms}"
        )
        lines += _notes(row)
    return lines + _servers(listed.get("replicas", []))


def _servers(replicas: Sequence[dict[str, Any]]) -> list[str]:
    """Those that answers come from, where the weights are elsewhere."""
    if not replicas:
        return []
    lines = ["", f"  {'SERVER':30} {'STATE':8} {'RUNNING':>9} {'FIRST WORD':>10} LAST ERROR"]
    for each in replicas:
        running = f"{each['running'] + each['others']}/{each['seats']}"
        first = f"{each['first_seconds']:.1f} s" if each["first_seconds"] else "-"
        error = f"{each['error']}, {each['error_ago']} s ago" if each["error"] else "-"
        lines.append(f"  {each['name']:30} {each['state']:8} {running:>9} {first:>10} {error}")
        lines.append(f"    {', '.join(each['models']) or 'no model'} {each['version']}".rstrip())
    return lines


def _notes(row: dict[str, Any]) -> list[str]:
    origin_, fit = row["origin"], row["fit"]
    notes = [f"{origin_['how']} {origin_['at']} by {origin_['by']}"] if origin_["at"] else []
    notes += [f"for {row['base']}"] if row["base"] else []
    notes += [fit["detail"]] if fit and fit["code"] else []
    return [f"    {note}" for note in notes]
