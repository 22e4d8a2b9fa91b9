"""The desk over the models of the settings: of the models process, or of a command where none runs."""

from pathlib import Path

from django.conf import settings

from inference.active import active_model
from inference.chat import Source
from inference.choose import chat_source, in_use, load_encoder, threads
from inference.desk import Desk, Place
from inference.errors import ModelError
from inference.registry import Registry
from inference.service import Service


def here() -> Source | None:
    """Chat models whose weights this process loads; None where they are elsewhere."""
    try:
        return chat_source()
    except ModelError:
        # Said when the engine is loaded, where the reason is kept.
        return None


def desk_of(service: Service) -> Desk:
    folders = [Path(settings.MODELS_DIR), *(Path(each) for each in settings.MODEL_FOLDERS)]
    registry = Registry(Path(settings.MODELS_DIR))
    place = Place(registry, active_model(), folders, in_use, threads())
    return Desk(service, place, most=settings.MODEL_UPLOAD_GB * 1_000_000_000)


def desk_alone() -> Desk:
    """A desk in this process: nothing is loaded before somebody asks for it."""
    file = Path(settings.MODELS_DIR) / "speed.json"
    service = Service(load_encoder, lambda: None, speed_file=file, threads=threads(), source=here())
    service.chat.settle("none")
    return desk_of(service)
