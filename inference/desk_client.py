"""The desk of the models process as the web sees it. Who may come here is decided by the room above."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from inference.active import ActiveModel
from inference.chat_source import source_of
from inference.desk import Desk, Place
from inference.errors import ModelError
from inference.fake import FakeEncoder, FakeEngine
from inference.protocol import ModelsUnavailable
from inference.registry import Registry
from inference.service import Service
from inference.wire import Wire

#: Whoever waits is a person in front of a page.
_SECONDS = 30.0


def ask_desk(action: str, **body: Any) -> dict[str, Any]:
    """What the action answers. Raises ModelsUnavailable with the code and the sentence of the desk."""
    url = str(settings.MODELS_URL)
    if url == "fake:":
        return _ask_fake(fake_desk(Path(settings.DATA_DIR) / "fake-models"), action, body)
    if not url.startswith("unix:"):
        raise ModelsUnavailable(
            "desk-elsewhere",
            "Models are looked after on the machine where they run: `manage.py models` there, or a "
            "models process behind a Unix socket.",
            permanent=True,
        )
    return Wire(url, patience=1.0).post(f"/desk/{action}", body, timeout=_SECONDS)


def _ask_fake(desk: Desk, action: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return desk.handle(action, body)
    except ModelError as error:
        raise ModelsUnavailable(error.code, error.detail, permanent=True) from error


@lru_cache(maxsize=8)
def fake_desk(folder: Path) -> Desk:
    """A desk in this process over FOLDER, for tests: real in all but the engines."""
    folder.mkdir(parents=True, exist_ok=True)
    source = source_of(lambda name: FakeEngine(model=name), folder)
    service = Service(
        FakeEncoder, FakeEngine, speed_file=folder / "speed.json", threads=1, source=source
    )
    service.start()
    active = ActiveModel(folder, service_name(service))
    place = Place(Registry(folder), active, [folder], lambda: {FakeEncoder().name}, 1)
    return Desk(service, place, most=1_000_000_000)


def service_name(service: Service) -> str:
    """Of the chat model that it began with."""
    service.chat.settled.wait(_SECONDS)
    return service.engine.info.name if service.engine else ""
