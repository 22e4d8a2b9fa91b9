"""Which files may lie in a model's folder. Formats that hold data alone; none that can run code."""

from pathlib import Path

from inference.errors import ModelError

#: Weights, settings, vocabularies and texts. A list of what may be there: what is unknown is refused.
ALLOWED = {".safetensors", ".onnx", ".gguf", ".json", ".txt", ".md", ".model", ""}

#: How a pickle begins, and a zip archive, in which torch puts its pickles.
_BEGINNINGS = (*(bytes([0x80, protocol]) for protocol in range(2, 6)), b"PK\x03\x04")


def files_of(folder: Path) -> list[Path]:
    """The files of a model's folder that count, sorted: what begins with a dot is nowhere read."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def refuse_code(folder: Path) -> None:
    """Raise ModelError(`model-unsafe`) where FOLDER holds anything but the formats of ALLOWED.

    A pickle under another name is found by how it begins.
    """
    for path in files_of(folder):
        if path.suffix.lower() not in ALLOWED or _begins_like_a_pickle(path):
            raise ModelError(
                "model-unsafe",
                f"The model's folder holds {path.name}, which can run code when it is opened, "
                "or is of an unknown kind. Use a copy of the model with safetensors files alone.",
            )


def refuse_strangers(folder: Path, known: set[str]) -> None:
    """Raise ModelError(`model-unsafe`) where FOLDER holds a file that is not in KNOWN."""
    for path in files_of(folder):
        if (name := path.relative_to(folder).as_posix()) not in known:
            raise ModelError(
                "model-unsafe",
                f"The model's folder holds {name}, which was not there when the model was made "
                "known, so nothing of it is loaded. Remove that file, or add the model again.",
            )


def _begins_like_a_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith(_BEGINNINGS)
