"""What the pages of golden questions send. The rules are in the services; forms shape the input."""

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.problems import Problem
from evaluation.draft import MOST_ANSWER, MOST_FILE, MOST_KEY, MOST_PARTS, MOST_QUOTE, Draft
from evaluation.models import Question, Run
from ingest.access import collections_for
from ingest.models import Collection, Index

Part = dict[str, str]


def _text(label: Any, most: int, *, rows: int = 2, **options: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=most, widget=widget, **options)


class SetForm(forms.Form):
    """A set's name and what it is about: collections that the person may read."""

    name = forms.CharField(label=_("Name"), max_length=150)
    collections = forms.ModelMultipleChoiceField(
        Collection.objects.none(),
        label=_("Collections that its questions are about"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one collection.")},
        help_text=_("Administrators who may read all of them see the set; others do not."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast("forms.ModelMultipleChoiceField[Any]", self.fields["collections"])
        field.queryset = collections_for(user).order_by("name")

    def refuse(self, problem: Problem) -> None:
        fields = {"name-empty": "name", "name-taken": "name", "no-collections": "collections"}
        self.add_error(fields.get(problem.code), str(problem.detail))

    @property
    def wanted(self) -> dict[str, Any]:
        chosen = [collection.pk for collection in self.cleaned_data["collections"]]
        return {"name": self.cleaned_data["name"], "collections": chosen}


class EvidenceForm(forms.Form):
    """One quote that the answer rests on."""

    file = forms.CharField(label=_("File"), max_length=MOST_FILE, required=False)
    page_or_section = forms.CharField(label=_("Page or section"), max_length=1_000, required=False)
    quote = _text(_("Quote"), MOST_QUOTE, required=False)
    document = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)


class TurnForm(forms.Form):
    """One turn of the conversation before a follow-up."""

    ROLES = [("user", _("Question")), ("assistant", _("Answer"))]
    role = forms.ChoiceField(label=_("What it is"), choices=ROLES, required=False)
    content = _text(_("Text"), settings.MAX_QUESTION_CHARS, required=False)


class QuestionForm(forms.Form):
    question = _text(_("Question"), settings.MAX_QUESTION_CHARS)
    type = forms.ChoiceField(label=_("Type"), choices=Question.Type.choices, initial="fact")
    language = forms.CharField(label=_("Language"), max_length=8, initial="en")
    key = forms.CharField(
        label=_("Key"),
        max_length=MOST_KEY,
        required=False,
        help_text=_("Tells it from others in files and comparisons; empty: one is made."),
    )
    answerable = forms.BooleanField(
        label=_("The documents answer it"),
        required=False,
        initial=True,
        help_text=_("Without it, a good answer says that the documents do not say."),
    )
    must_contain = _text(
        _("Expected facts"),
        20_000,
        required=False,
        help_text=_("A regular expression on each line; the answer must contain all of them."),
    )
    answer = _text(_("Answer, for people who read this"), MOST_ANSWER, required=False)
    also_in = _text(
        _("Other files that say the same"), 20_000, required=False, help_text=_("One on each line.")
    )

    def refuse(self, faults: Mapping[str, str]) -> None:
        """Each sentence at the field that it begins with; of the rows, above the form."""
        for text in faults.values():
            field, _colon, said = text.partition(": ")
            self.add_error(field if field in self.fields else None, said[:1].upper() + said[1:])


#: As many rows as the services take; the last are there for what is written next.
EvidenceRows = forms.formset_factory(EvidenceForm, extra=1, max_num=MOST_PARTS, absolute_max=50)
TurnRows = forms.formset_factory(TurnForm, extra=1, max_num=MOST_PARTS, absolute_max=50)


class DraftForms:
    """A question's fields and its rows of evidence and turns, as one."""

    def __init__(self, data: Any = None, draft: Draft | None = None) -> None:
        draft = draft or Draft()
        fields = {name: getattr(draft, name) for name in QuestionForm.base_fields}
        fields["must_contain"] = "\n".join(draft.must_contain)
        fields["also_in"] = "\n".join(draft.also_in)
        self.form = QuestionForm(data, initial=fields)
        # Beside what is sent, what was there would make rows that did not change look empty.
        evidence, turns = ([], []) if data is not None else (draft.evidence, draft.history)
        self.evidence = EvidenceRows(data, prefix="evidence", initial=list(evidence))
        self.turns = TurnRows(data, prefix="turns", initial=list(turns))
        self.rows = (self.evidence, self.turns)

    def is_valid(self) -> bool:
        return all([self.form.is_valid(), *(rows.is_valid() for rows in self.rows)])

    def draft(self) -> Draft:
        """What was written, once it is valid."""
        data = self.form.cleaned_data
        lines = {name: _lines(data[name]) for name in ("must_contain", "also_in")}
        evidence = _filled(self.evidence.cleaned_data, "file", "quote")
        history = _filled(self.turns.cleaned_data, "content")
        return Draft(**{**data, **lines, "evidence": evidence, "history": history})


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _filled(rows: Iterable[Part], *names: str) -> list[Part]:
    """Rows that have any of `names`; what is empty of the others is left out."""
    filled = [row for row in rows if any(row.get(name) for name in names)]
    return [{key: value for key, value in row.items() if value} for row in filled]


class FilterForm(forms.Form):
    """Which questions of a set to show."""

    q = forms.CharField(required=False, max_length=255)
    type = forms.ChoiceField(required=False, choices=[("", ""), *Question.Type.choices])
    language = forms.CharField(required=False, max_length=8)
    state = forms.ChoiceField(required=False, choices=[("", ""), *Question.State.choices])


class ResultsForm(forms.Form):
    """Which questions of a run to show."""

    q = forms.CharField(required=False, max_length=255)
    type = forms.ChoiceField(required=False, choices=[("", ""), *Question.Type.choices])
    language = forms.CharField(required=False, max_length=8)
    show = forms.ChoiceField(required=False, choices=[("", ""), ("lost", "")])


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        widget=forms.FileInput(attrs={"accept": ".jsonl,.csv"}),
        help_text=_("JSON Lines (.jsonl) or CSV (.csv), as the export writes it."),
    )

    @property
    def kind(self) -> str:
        return "csv" if self.cleaned_data["file"].name.lower().endswith(".csv") else "jsonl"


class RunForm(forms.Form):
    """What a run measures."""

    kind = forms.ChoiceField(
        label=_("What is measured"),
        choices=[
            (Run.Kind.RETRIEVAL, _("Finding: are the right passages found? Takes seconds.")),
            (Run.Kind.ANSWERS, _("Answering: are the answers right? Each answer is written.")),
        ],
        initial=Run.Kind.RETRIEVAL,
        widget=forms.RadioSelect,
    )
    mode = forms.ChoiceField(
        label=_("How to search"),
        choices=Run.Mode.choices,
        required=False,
        help_text=_("For finding: what meaning or words are worth alone."),
    )
    label = forms.CharField(
        label=_("Label"),
        max_length=150,
        required=False,
        help_text=_("What is tried, so that you know this run again."),
    )
    index = forms.ModelChoiceField(
        Index.objects.none(), label=_("Index"), required=False, empty_label=None
    )
    model = forms.ChoiceField(label=_("Model that answers"), required=False)
    assistant = forms.TypedChoiceField(
        label=_("Assistant"),
        coerce=UUID,
        empty_value=None,
        required=False,
        help_text=_("For answering: each question is put to it."),
    )

    def __init__(
        self, models: list[str], assistants: list[tuple[str, str]], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        built = Q(state=Index.State.BUILDING, built_at__isnull=False)
        usable = Index.objects.filter(Q(state=Index.State.ACTIVE) | built)
        indexes = usable.order_by("state", "-created_at")
        cast("forms.ModelChoiceField[Any]", self.fields["index"]).queryset = indexes
        cast(forms.ChoiceField, self.fields["model"]).choices = [(name, name) for name in models]
        if indexes.count() < 2:
            del self.fields["index"]
        if len(models) < 2:
            del self.fields["model"]
        offered = [("", _("No assistant")), *assistants]
        cast("forms.TypedChoiceField", self.fields["assistant"]).choices = offered
        if not assistants:
            del self.fields["assistant"]

    @property
    def wanted(self) -> dict[str, Any]:
        """What start_run takes; an index and a model that were not chosen are left to it."""
        names = ("kind", "mode", "label", "index", "model", "assistant")
        return {name: found for name in names if (found := self.cleaned_data.get(name))}


class BuildForm(forms.Form):
    """With which embedder a new index is built, and when it is put to use."""

    embedder = forms.ChoiceField(label=_("Embedder"))
    switch_when_built = forms.BooleanField(
        label=_("Put it to use as soon as it is built"),
        required=False,
        help_text=_("Without it, measure it first, then put it to use yourself."),
    )

    def __init__(self, embedders: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["embedder"]).choices = embedders
