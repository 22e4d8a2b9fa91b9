"""One of each thing of models, for the test that knocks at every door."""

from uuid import uuid4

from accounts.models import User
from fleet.models import Deed
from inference.desk_client import ask_desk


def make_things(admin: User) -> dict[str, object]:
    """A model of the catalogue, an upload that was begun and a deed whose job is forgotten."""
    known = "smollm2-135m-instruct"
    deed = Deed.objects.create(id=uuid4(), kind=Deed.Kind.VERIFY, model=known, user=admin)
    upload = ask_desk("upload-begin", file="x.gguf", bytes=100, by=str(admin.pk))["id"]
    return {"models": known, "model": known, "uploads": upload, "jobs": deed.pk}
