"""What administrators do with models, in the process that owns them: one action by name, JSON in and out.

Who may ask is decided by the caller (fleet/); here it is only kept who it was.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference import shelf
from inference.active import ActiveModel
from inference.deskjobs import Job, Jobs, Work
from inference.errors import ModelError
from inference.model import Model
from inference.protocol import ChatMessage
from inference.registry import Registry
from inference.service import Service
from inference.trying import TRY_SECONDS, Bound, ask, lease, measure
from inference.uploads import Uploads

Body = dict[str, Any]
_MOST_QUESTION = 4_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where models lie, and which are in use. `folders`: where files may be registered from."""

    registry: Registry
    active: ActiveModel
    folders: Sequence[Path]
    used: Callable[[], set[str]]
    threads: int


class Desk:
    """`most`: bytes of an upload."""

    def __init__(self, service: Service, place: Place, *, most: int) -> None:
        self._service, self._place = service, place
        self._registry, self._active = place.registry, place.active
        self._uploads = Uploads(place.registry.folder, most)
        self._jobs = Jobs()
        self._actions: dict[str, Callable[[Body], Body]] = {
            "list": self._list,
            "job": lambda body: self._jobs.get(_text(body, "id")).as_dict(),
            "stop": lambda body: self._jobs.stop(_text(body, "id")).as_dict(),
            "add": self._add,
            "verify": self._verify,
            "try": self._try,
            "measure": self._measure,
            "activate": self._activate,
            "rollback": self._rollback,
            "remove": self._remove,
            "upload-begin": self._upload_begin,
            "upload-put": self._upload_put,
            "upload-drop": self._upload_drop,
        }

    def handle(self, action: str, body: Body) -> Body:
        """Raises ModelError."""
        found = self._actions.get(action)
        if found is None:
            raise ModelError("not-found", "There is no such call here.")
        return found(body)

    def _list(self, _: Body) -> Body:
        self._service.chats.drop_unused()
        return shelf.shown(self._service, self._place)

    def _add(self, body: Body) -> Body:
        """By `path`, or by an `upload` of whoever asks, whose `file` says its name."""
        name = _text(body, "name") or shelf.name_of(_text(body, "file") or _text(body, "path"))
        self._free_name(name)
        self._registry.check_name(name)
        upload = (_text(body, "upload"), _text(body, "by"))
        path = None
        if upload[0]:
            self._uploads.known(*upload)
        else:
            path = self._allowed(_text(body, "path"))

        def work(job: Job) -> Body:
            job.say("reading")
            own = self._registry.folder / name / "model.gguf"
            found = path or self._uploads.moved(*upload, own)
            licence, family, base = (_text(body, key) for key in ("licence", "family", "base"))
            registry = Registry(self._registry.folder, job.count)
            try:
                model = registry.add(found, name=name, licence=licence, family=family, base=base)
                registry.own(name, path is None)
            except ModelError:
                if path is None:
                    own.unlink(missing_ok=True)
                    own.parent.rmdir()
                raise
            return {"sha256": model.sha256, "bytes": model.bytes, "kind": model.kind}

        return self._begin("add", name, body, work)

    def _verify(self, body: Body) -> Body:
        model = self._model(body)

        def work(job: Job) -> Body:
            job.say("reading")
            Registry(self._registry.folder, job.count).verify(model, again=True)
            return {"sha256": model.sha256}

        return self._begin("verify", model.name, body, work)

    def _try(self, body: Body) -> Body:
        model, question = self._model(body, chats=True), _text(body, "question").strip()
        if not question or len(question) > _MOST_QUESTION:
            raise ModelError("try-question", f"Ask in 1 to {_MOST_QUESTION} characters.")

        def work(job: Job) -> Body:
            def so_far(text: str) -> None:
                job.result = {"text": text}

            job.say("loading")
            chat = lease(self._service.chats, model.name, lambda: job.stopped)
            try:
                job.say("writing")
                bound = Bound(TRY_SECONDS, lambda: job.stopped, so_far)
                tried = ask(chat, (ChatMessage("user", question),), bound=bound)
            finally:
                self._service.chats.release(chat)
            spent = {"first": tried.timing.first, "rest": tried.timing.rest}
            tokens = {"prompt": tried.usage.prompt, "completion": tried.usage.completion}
            return {"text": tried.text, "tokens": tokens, "seconds": spent, "end": tried.end}

        return self._begin("try", model.name, body, work)

    def _measure(self, body: Body) -> Body:
        model = self._model(body, chats=True)

        def work(job: Job) -> Body:
            job.say("loading")
            chat = lease(self._service.chats, model.name, lambda: job.stopped)
            try:
                job.say("measuring")
                speed = measure(chat, lambda: job.stopped)
            finally:
                self._service.chats.release(chat)
            return {"prompt": speed.prompt, "completion": speed.completion, "bytes": chat.held}

        return self._begin("measure", model.name, body, work)

    def _activate(self, body: Body) -> Body:
        return self._switch("activate", self._model(body, chats=True), body, "activated")

    def _rollback(self, body: Body) -> Body:
        before = self._active.before()
        if not before:
            raise ModelError("nothing-before", "No other model was active before this one.")
        return self._switch("rollback", self._registry.get(before), body, "rolled-back")

    def _switch(self, kind: Any, model: Model, body: Body, how: str) -> Body:
        by = _text(body, "by")

        def work(job: Job) -> Body:
            before = self._active.name()
            job.say("reading")
            Registry(self._registry.folder, job.count).verify(model)
            self._service.switch(model.name, job.say)
            if before != model.name:
                self._active.keep(model.name, model.sha256, by, how)
            return {"sha256": model.sha256, "before": before}

        return self._begin(kind, model.name, body, work)

    def _remove(self, body: Body) -> Body:
        model = self._model(body)
        if model.name in self._place.used() or model.name == self._now():
            raise ModelError("model-active", f"{model.name} is in use: choose another one first.")
        if self._jobs.busy_with(model.name) or not self._service.chats.drop(model.name):
            raise ModelError("model-busy", f"{model.name} is at work. Try again in a moment.")
        self._registry.remove(model.name)
        return {"model": model.name, "sha256": model.sha256}

    def _upload_begin(self, body: Body) -> Body:
        about = _text(body, "file"), _number(body, "bytes"), _text(body, "by")
        return {"id": self._uploads.begin(*about), "bytes": 0}

    def _upload_put(self, body: Body) -> Body:
        try:
            data = base64.b64decode(_text(body, "data"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ModelError("upload-place", "The piece is not base64.") from error
        identity, by = _text(body, "id"), _text(body, "by")
        size = self._uploads.put(identity, by, _number(body, "offset"), data)
        return {"id": identity, "bytes": size}

    def _upload_drop(self, body: Body) -> Body:
        self._uploads.drop(_text(body, "id"), _text(body, "by"))
        return {}

    def _begin(self, kind: Any, model: str, body: Body, work: Work) -> Body:
        return self._jobs.begin(Job(kind, model, _text(body, "by")), work).as_dict()

    def _model(self, body: Body, *, chats: bool = False) -> Model:
        model = self._registry.get(_text(body, "name"))
        if chats and not model.chats:
            raise ModelError("model-kind", f"{model.name} cannot chat: nobody can ask it.")
        return model

    def _now(self) -> str:
        active = self._service.chats.active
        return active.info.name if active else ""

    def _free_name(self, name: str) -> None:
        if any(model.name == name for model in self._registry.models()):
            raise ModelError(
                "model-name", f"There is a model named {name} already: choose another name."
            )
        if self._jobs.busy_with(name):
            raise ModelError("model-busy", f"{name} is at work. Try again in a moment.")

    def _allowed(self, text: str) -> Path:
        """A file in one of the folders that settings name, whatever links lead there."""
        try:
            path = Path(text).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            path = Path()
        inside = any(path.is_relative_to(folder.resolve()) for folder in self._place.folders)
        if not text or not inside or not path.is_file():
            raise ModelError(
                "model-place",
                "Only files in the models folder or in those of SOVEREIGN_MODEL_FOLDERS can be "
                "registered here. Put it there, or upload it.",
            )
        return path


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _number(body: Body, key: str) -> int:
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
