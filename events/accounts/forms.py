"""What the pages ask for. Whether it can be kept is for the operations to say, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

from events.models import Scope

if TYPE_CHECKING:
    from events.operations import InvalidInput

LONGEST_PASSWORD = 1_000


def _zone() -> forms.CharField:
    return forms.CharField(
        label="Time zone",
        max_length=64,
        help_text="The name of a city's zone, such as Europe/Berlin: what is yours happens by its clocks.",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "data-own-zone": ""}),
    )


class LoginForm(forms.Form):
    """Who comes."""

    username = forms.CharField(label="Name", max_length=150, widget=forms.TextInput({"autofocus": True}))
    password = forms.CharField(
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class RegistrationForm(forms.Form):
    """A new account."""

    username = forms.CharField(label="Name", max_length=150, widget=forms.TextInput({"autofocus": True}))
    password = forms.CharField(
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="Eight characters at least, and neither a word that everybody uses nor only digits.",
    )
    email = forms.EmailField(label="E-mail", required=False, help_text="May be left empty.")
    timezone = _zone()


class AccountForm(forms.Form):
    """What may change."""

    email = forms.EmailField(label="E-mail", required=False)
    timezone = _zone()


class KeyForm(forms.Form):
    """A key to be made."""

    name = forms.CharField(label="What it is for", max_length=100)
    scope = forms.ChoiceField(label="What it may do", choices=Scope.choices, initial=Scope.WRITE)


def tell(form: forms.Form, refused: InvalidInput) -> None:
    """Say each problem beside its field, or above them all."""
    for name, sentences in refused.by_field().items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)
