"""`manage.py models`: the models of this machine, from fetching one to rolling back to the last."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from inference import catalogue, deskwork
from inference.catalogue import CatalogueEntry, Kind
from inference.choose import in_use, wanted
from inference.errors import ModelError
from inference.fetch import fetch
from inference.model import Model
from inference.quantise import optimise
from inference.registry import Registry
from wall import refusals

#: `make up` goes on without a model that the registry no longer has.
EXIT_UNAVAILABLE = 3
_SETTINGS: dict[Kind, str] = {
    "chat": "SOVEREIGN_CHAT_MODEL",
    "adapter": "SOVEREIGN_CHAT_MODEL",
    "embedder": "SOVEREIGN_EMBEDDER",
    "reranker": "SOVEREIGN_RERANKER",
}


class Command(BaseCommand):
    help = "List, fetch, add, verify, try, measure, activate and remove the models of this machine."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for action, text in (
            ("list", "the known models, and which of them are here"),
            ("adapters", "the LoRA adapters, and the models that they are for"),
            ("history", "which chat model was activated, when and by whom"),
        ):
            _json(actions.add_parser(action, help=text))
        deskwork.add_arguments(actions)
        for action, text in (
            (
                "fetch",
                "fetch models of the catalogue (without a name: those that the settings ask for)",
            ),
            ("verify", "read every file again and compare its SHA-256"),
        ):
            actions.add_parser(action, help=text).add_argument("names", nargs="*", metavar="NAME")
        adding = actions.add_parser("add", help="make a GGUF file or a folder of weights known")
        adding.add_argument("path", type=Path)
        adding.add_argument("--name", default="")
        adding.add_argument("--licence", default="")
        adding.add_argument(
            "--family", default="", help="how its prompt is written: chatml, llama3..."
        )
        adding.add_argument(
            "--kind",
            default="",
            choices=get_args(Kind),
            help="what it is; by itself a folder with one label is a reranker",
        )
        adding.add_argument("--base", default="", help="of an adapter: the chat model it is for")
        adding.add_argument("--copy", action="store_true", help="copy it into the models' folder")
        actions.add_parser("remove", help="forget a model").add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        registry = Registry(settings.MODELS_DIR)
        try:
            getattr(self, f"_{options['action']}")(registry, options)
        except ModelError as error:
            raise CommandError(
                error.detail,
                returncode=EXIT_UNAVAILABLE if error.code == "model-unavailable" else 1,
            ) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _list(self, registry: Registry, options: dict[str, Any]) -> None:
        """* stands before what is active or what the settings name."""
        listed = deskwork.connect()("list", {})
        if options["json"]:
            self._say(json.dumps(listed, indent=1))
            return
        for line in deskwork.table(listed, in_use()):
            self._say(line)
        self._say(f"* chosen by {', '.join(dict.fromkeys(_SETTINGS.values()))}, or activated")

    def _adapters(self, registry: Registry, options: dict[str, Any]) -> None:
        listed = deskwork.connect()("list", {})
        found = [row for row in listed["models"] if row["kind"] == "adapter"]
        lines = [f"{row['name']:30} for {row['base']:30} {row['state']}" for row in found]
        self._tell(found, lines or ["There are no adapters here."], options)

    def _history(self, registry: Registry, options: dict[str, Any]) -> None:
        found = deskwork.connect()("list", {})["history"]
        lines = [
            f"{each['at']}  {each['name']:30} {each['how']:11} by {each['by']}  {each['sha256'][:16]}"
            for each in found
        ]
        self._tell(found, lines or ["No chat model was activated yet."], options)

    def _try(self, registry: Registry, options: dict[str, Any]) -> None:
        self._job("try", options, name=options["name"], question=options["question"])

    def _measure(self, registry: Registry, options: dict[str, Any]) -> None:
        self._job("measure", options, name=options["name"])

    def _activate(self, registry: Registry, options: dict[str, Any]) -> None:
        self._job("activate", options, name=options["name"])

    def _rollback(self, registry: Registry, options: dict[str, Any]) -> None:
        self._job("rollback", options)

    def _job(self, action: str, options: dict[str, Any], **body: str) -> None:
        quiet = options["json"]
        job = deskwork.follow(
            deskwork.connect(), action, body, (lambda _: None) if quiet else self.stderr.write
        )
        self._tell(job, deskwork.said(job), options)

    def _tell(self, found: Any, lines: Sequence[str], options: dict[str, Any]) -> None:
        for line in [json.dumps(found, indent=1)] if options["json"] else lines:
            self._say(line)

    def _fetch(self, registry: Registry, options: dict[str, Any]) -> None:
        """Each name is tried, so that one that vanished does not keep the others away."""
        failed: list[ModelError] = []
        for entry in _entries(options["names"] or wanted()):
            try:
                done = fetch(
                    entry,
                    registry,
                    self._say,
                    proxies=settings.PROXIES,
                    going_out=self._going_out,
                )
                if not done:
                    self._say(f"{entry.name}: already here, SHA-256 right")
                optimise(registry, registry.get(entry.name), self._say)
            except ModelError as error:
                self._say(f"{entry.name}: {error.detail}")
                failed.append(error)
        if failed:
            raise failed[-1]

    def _going_out(self) -> None:
        """The one way out of the wall that a command has: said here, and written down first."""
        refusals.let_out(settings.EVIDENCE_DIR, "package registry")
        self._say("pip goes out to the package registry, as this command alone may; recorded.")

    def _verify(self, registry: Registry, options: dict[str, Any]) -> None:
        models = [registry.get(name) for name in options["names"]]
        for model in models or [each for each in registry.models() if each.installed]:
            registry.verify(model, again=True)
            self._say(f"{model.name}: right, SHA-256 {model.sha256}")

    def _add(self, registry: Registry, options: dict[str, Any]) -> None:
        fields = {
            key: options[key] for key in ("name", "licence", "family", "copy", "kind", "base")
        }
        model = registry.add(options["path"], **fields)
        self._say(f"{model.name}: {_about(model)}, SHA-256 {model.sha256}")
        optimise(registry, model, self._say)
        self._say(f"To use it: {_SETTINGS[model.kind]}={model.name}")

    def _remove(self, registry: Registry, options: dict[str, Any]) -> None:
        registry.remove(options["name"])
        self._say(f"{options['name']}: forgotten")


def _json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _entries(names: Sequence[str]) -> list[CatalogueEntry]:
    """What is to be fetched, each once. Raises CommandError."""
    found: dict[str, CatalogueEntry] = {}
    for name in names:
        if not (parts := catalogue.parts_of(name)):
            known = ", ".join(each.name for each in catalogue.CATALOGUE)
            raise CommandError(f"{name!r} cannot be fetched. Known: {known}.")
        found |= {part.name: part for part in parts}
    return list(found.values())


def _about(model: Model) -> str:
    family = f", {model.family}" if model.family else ""
    return f"{model.bytes / 1e6:,.0f} MB, {model.licence}, context {model.context}{family}"
