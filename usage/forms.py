"""What the pages of usage send. The rules are in usage/prices.py; forms shape the input."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import get_format
from django.utils.translation import gettext_lazy as _

from audit.problems import Problem
from usage import amounts, words
from usage.figures import before, first_of, months
from usage.models import Price
from usage.prices import MOST_MONTHS, Draft
from usage.report import MOST_MONTHS as MOST_SHOWN


def month_of(text: str | None) -> date | None:
    """The first of "2026-03"; None for anything else."""
    try:
        return date.fromisoformat(f"{text or ''}-01")
    except ValueError:
        return None


class SpanForm(forms.Form):
    """From which month to which."""

    since = forms.ChoiceField(label=_("From"))
    until = forms.ChoiceField(label=_("To"))

    def __init__(self, oldest: date, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        now = first_of(timezone.localdate())
        oldest = max(oldest, before(now, MOST_SHOWN - 1))
        keys = [month.isoformat()[:7] for month in months(oldest, now)][::-1]
        for name in ("since", "until"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = [(key, words.month(key)) for key in keys]


class AmountField(forms.DecimalField):
    """An amount as the reader's language writes it. A browser's own field of numbers would guess."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return super().to_python(amounts.read(str(value), get_format("DECIMAL_SEPARATOR")))
        except amounts.Unclear as error:
            raise forms.ValidationError(error.told, code="invalid") from error
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


def _amount(label: Any, **options: Any) -> AmountField:
    return AmountField(label=label, min_value=0, max_digits=14, decimal_places=6, **options)


class PriceForm(forms.Form):
    """What all prices have."""

    kind = ""
    since = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    source = forms.CharField(
        label=_("Where it stands"),
        max_length=300,
        required=False,
        help_text=_("A contract, an invoice, the page of a price list and when it was read."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"id_{self.kind}_%s"
        self.fields["since"].initial = first_of(timezone.localdate()).isoformat()

    def draft(self) -> Draft:
        names = ("since", "source", "amount", "name", "cached", "written", "months")
        found = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        return Draft(kind=self.kind, **found)

    def refuse(self, problem: Problem) -> None:
        self.add_error(None, str(problem.detail))


class ElectricityForm(PriceForm):
    kind = Price.Kind.ELECTRICITY
    amount = _amount(_("A kilowatt-hour costs"))
    field_order = ("amount", "since", "source")


class ApiForm(PriceForm):
    kind = Price.Kind.API
    name = forms.CharField(label=_("Name"), max_length=150)
    amount = _amount(_("A million tokens read"))
    cached = _amount(
        _("Of them from its cache"),
        required=False,
        help_text=_("Empty: the same. Our cache and theirs keep different things."),
    )
    written = _amount(_("A million tokens written"))
    field_order = ("name", "amount", "cached", "written", "since", "source")


class HardwareForm(PriceForm):
    kind = Price.Kind.HARDWARE
    name = forms.CharField(label=_("Name"), max_length=150)
    amount = _amount(_("Bought for"))
    months = forms.IntegerField(
        label=_("Written off over months"), min_value=1, max_value=MOST_MONTHS, initial=60
    )
    field_order = ("name", "amount", "months", "since", "source")


FORMS: tuple[type[PriceForm], ...] = (ElectricityForm, ApiForm, HardwareForm)


class ImportForm(forms.Form):
    file = forms.FileField(label=_("CSV file"))
