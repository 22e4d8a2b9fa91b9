"""What the models pages send. The rules are in the models process; forms shape the input."""

from typing import Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from inference.templates import FAMILIES


class AddForm(forms.Form):
    """A file of the server, or one that was uploaded, and what is known of it."""

    path = forms.ChoiceField(label=_("File on the server"), required=False)
    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    file = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        required=False,
        help_text=_("Small letters, digits, dot and dash. Empty: as the file is called."),
    )
    licence = forms.CharField(
        label=_("Licence"),
        max_length=80,
        required=False,
        help_text=_("Empty: what the file says of itself."),
    )
    family = forms.ChoiceField(
        label=_("How its prompt is written"),
        required=False,
        help_text=_("Empty: guessed from the header of the file, which is read and never run."),
    )
    base = forms.ChoiceField(
        label=_("For an adapter: the model that it was trained on"), required=False
    )

    def __init__(self, shelf: dict[str, Any], data: Any = None) -> None:
        super().__init__(data)
        files = [(each["path"], _file(each)) for each in shelf["files"]]
        models = [row["name"] for row in shelf["models"] if _is_base(row)]
        self._choose("path", files)
        self._choose("family", [(name, name) for name in FAMILIES])
        self._choose("base", [(name, name) for name in models])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared above
        field.choices = [("", "—"), *choices]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("path")) == bool(cleaned.get("upload")):
            self.add_error("path", _("Choose a file of the server, or upload one."))
        return cleaned

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data | {"upload": str(self.cleaned_data["upload"] or "")}


class TryForm(forms.Form):
    """A question to a model."""

    question = forms.CharField(
        label=_("Ask it something"), max_length=4_000, widget=forms.Textarea(attrs={"rows": 2})
    )


def _file(each: dict[str, Any]) -> str:
    return f"{each['path']} ({filesizeformat(each['bytes'])})"


def _is_base(row: dict[str, Any]) -> bool:
    return row["kind"] == "chat" and row["state"] not in ("missing", "changed")
