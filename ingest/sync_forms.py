"""What the pages of sources send: a form for each kind. The rules are in ingest/sync_manage.py."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.problems import Problem
from ingest.models import SyncSource
from ingest.sync_manage import Draft

CERTIFICATE = forms.CharField(
    label=_("Pinned certificate"),
    required=False,
    max_length=200,
    help_text=_("SHA-256 of the server's certificate. Empty: any that the company's own signed."),
)


def _lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines() if line.strip()]


class SourceForm(forms.Form):
    """What all kinds have. `own`: the fields that are settings of the kind."""

    kind = ""
    own: tuple[str, ...] = ()

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("The folder of this collection in which the documents stand."),
    )
    credential = forms.CharField(
        label=_("Secret file"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Its name alone. It says user, password and for which address it is."),
    )
    include = forms.CharField(
        label=_("Only these files"),
        required=False,
        max_length=12_000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "*.pdf"}),
        help_text=_("One pattern a line. Empty: files with the endings of documents."),
    )
    exclude = forms.CharField(
        label=_("Not these"),
        required=False,
        max_length=12_000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Archive/*"}),
        help_text=_("Files and folders. What comes to be left out is erased here."),
    )
    minutes = forms.IntegerField(
        label=_("Read every … minutes"), min_value=1, max_value=10_080, initial=15
    )
    field_order = ["name", *own, "credential"]

    def __init__(self, *args: Any, source: SyncSource | None = None, **kwargs: Any) -> None:
        if source is not None:
            kwargs.setdefault("initial", _initial(source))
        super().__init__(*args, **kwargs)
        secret = ("credential", "unencrypted")
        self.order_fields(["name", *self.own, *secret, "include", "exclude", "minutes"])
        if source is not None:
            self.fields["name"].disabled = True

    def draft(self) -> Draft:
        """The source that a valid form describes."""
        data = self.cleaned_data
        settings = {name: data[name] for name in (*self.own, "unencrypted") if name in data}
        if "folders" in settings:
            settings["folders"] = _lines(settings["folders"]) or ["INBOX"]
        return Draft(
            kind=self.kind,
            name=data["name"],
            settings=settings,
            include=_lines(data["include"]),
            exclude=_lines(data["exclude"]),
            minutes=data["minutes"],
            credential=data.get("credential", ""),
        )

    def refuse(self, problem: Problem) -> None:
        name = str(problem.extra.get("field", ""))
        self.add_error(name if name in self.fields else None, str(problem.detail))


def _initial(source: SyncSource) -> dict[str, Any]:
    settings = dict(source.settings)
    if "folders" in settings:
        settings["folders"] = "\n".join(settings["folders"])
    return settings | {
        "name": source.name,
        "include": "\n".join(source.include),
        "exclude": "\n".join(source.exclude),
        "minutes": source.minutes,
        "credential": source.credential,
    }


class FolderForm(SourceForm):
    kind, own = "folder", ("path",)
    credential = None  # type: ignore[assignment]
    path = forms.CharField(
        label=_("Folder"),
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "/srv/files"}),
    )


class ServerForm(SourceForm):
    """What is called over the network."""

    unencrypted = forms.BooleanField(
        label=_("Send the password unencrypted"),
        required=False,
        help_text=_(
            "Needed where the address is not encrypted. Whoever can read along on the way learns the "
            "password."
        ),
    )


class WebdavForm(ServerForm):
    kind, own = "webdav", ("url", "certificate")
    url = forms.CharField(
        label=_("Address of the folder"),
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "https://files.example.org/dav/team/"}),
    )
    certificate = CERTIFICATE


class ImapForm(ServerForm):
    kind, own = "imap", ("host", "port", "security", "folders", "certificate")
    host = forms.CharField(label=_("Server"), max_length=253)
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65_535, initial=993)
    security = forms.ChoiceField(
        label=_("Encryption"),
        choices=[
            ("tls", "TLS"),
            ("starttls", "STARTTLS"),
            ("none", _("None: passwords can be read")),
        ],
    )
    folders = forms.CharField(
        label=_("Mail folders"),
        max_length=5_000,
        initial="INBOX",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line."),
    )
    certificate = CERTIFICATE


class S3Form(ServerForm):
    kind, own = "s3", ("url", "bucket", "prefix", "region", "certificate")
    url = forms.CharField(
        label=_("Address of the server"),
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "https://s3.example.org"}),
    )
    bucket = forms.CharField(label=_("Bucket"), max_length=63)
    prefix = forms.CharField(  # type: ignore[assignment]
        label=_("Only keys that begin with"), required=False, max_length=500, strip=False
    )
    region = forms.CharField(label=_("Region"), max_length=50, initial="us-east-1")
    certificate = CERTIFICATE


class GitForm(ServerForm):
    kind, own = "git", ("url", "branch", "folder", "certificate")
    url = forms.CharField(
        label=_("Address of the repository"),
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "https://git.example.org/team/handbook.git"}),
    )
    branch = forms.CharField(
        label=_("Branch"), required=False, max_length=200, help_text=_("Empty: the main one.")
    )
    folder = forms.CharField(label=_("Only this folder"), required=False, max_length=500)
    certificate = CERTIFICATE


FORMS: dict[str, type[SourceForm]] = {
    form.kind: form for form in (FolderForm, WebdavForm, ImapForm, S3Form, GitForm)
}
