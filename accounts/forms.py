"""What people type into the accounts pages. The rules are in the services; forms shape the input."""

from typing import Any, cast

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken, Group, User
from accounts.passwords import MAX_LENGTH
from accounts.tokens import DEFAULT_DAYS, scopes_of
from audit.problems import Problem

#: Which field a service's refusal belongs to; any other stands above the form.
FIELDS = {
    "bad-email": "email",
    "email-taken": "email",
    "weak-password": "password",
    "wrong-password": "old",
    "bad-name": "name",
    "name-taken": "name",
    "last-admin": "is_admin",
}


class Form(forms.Form):
    def refuse(self, problem: Problem) -> None:
        """Show why the service refused, at the field that it is about."""
        field = FIELDS.get(problem.code)
        self.add_error(field if field in self.fields else None, str(problem.detail))


def _password(label: Any, autocomplete: str, **options: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(
        label=label, strip=False, max_length=MAX_LENGTH, widget=widget, **options
    )


class SignInForm(Form):
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = _password(_("Password"), "current-password")


class NewPasswordForm(Form):
    password = _password(
        _("New password"),
        "new-password",
        help_text=password_validation.password_validators_help_text_html(),
    )
    repeat = _password(_("New password, once more"), "new-password")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("repeat") and data["password"] != data["repeat"]:
            self.add_error("repeat", _("The two passwords differ. Type the same one twice."))
        return data


class ChangePasswordForm(NewPasswordForm):
    old = _password(_("Current password"), "current-password")
    field_order = ["old", "password", "repeat"]


class SetUpForm(NewPasswordForm):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    name = forms.CharField(label=_("Name"), max_length=150, required=False)
    field_order = ["email", "name", "password", "repeat"]


class NameForm(Form):
    name = forms.CharField(label=_("Name"), max_length=150, required=False)


class TokenForm(Form):
    name = forms.CharField(
        label=_("What is it for?"),
        max_length=150,
        help_text=_("So that you know it again in this list."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label=_("It ends after"),
        coerce=int,
        initial=DEFAULT_DAYS,
        choices=[(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = scopes_of(user)
        scopes = cast(forms.MultipleChoiceField, self.fields["scopes"])
        scopes.choices = [choice for choice in ApiToken.Scope.choices if choice[0] in allowed]


class PersonForm(Form):
    """An invitation."""

    email = forms.EmailField(label=_("E-mail"))
    name = forms.CharField(label=_("Name"), max_length=150, required=False)
    is_admin = forms.BooleanField(
        label=_("Administrator: manages people and groups"), required=False
    )
    is_compliance = forms.BooleanField(
        label=_("Compliance officer: sees the record, proofs and reports, and no content"),
        required=False,
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.all(), label=_("Groups"), required=False, widget=forms.CheckboxSelectMultiple
    )


class EditPersonForm(PersonForm):
    is_active = forms.BooleanField(
        label=_("May sign in"),
        required=False,
        help_text=_("Without it, this person's sessions and tokens stop at once."),
    )
    field_order = ["email", "name", "is_active", "is_admin", "is_compliance", "groups"]


class GroupForm(Form):
    name = forms.CharField(label=_("Name"), max_length=150)


class SearchForm(Form):
    q = forms.CharField(
        label=_("Search by name or e-mail"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "class": "input"}),
    )
