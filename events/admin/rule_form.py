"""The rule's form, and what its values would fire while they are being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from events import clock, handling, operations, queries
from events.admin.base import VersionedForm, suggest_zones, tell_form
from events.errors import InvalidField
from events.models import Rule
from events.operations import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

DEFAULTS_OF_JSON = ("audience_filter", "payload")


def handler_choices() -> list[tuple[str, str]]:
    """The installed handlers, each with its kind: a new one needs no migration."""
    kinds = [
        (name, f"{name} ({handler.kind.replace('_', '-')})") for name, handler in handling.installed().items()
    ]
    return [("", "Choose what should happen"), *kinds]


class RuleForm(VersionedForm):
    """Checked by the rules of operations, each refusal beside its field."""

    handler = forms.ChoiceField(
        choices=handler_choices,
        widget=UnfoldAdminSelectWidget,
        help_text="What happens when it is due. The kind says what a repeated call would mean.",
    )

    class Meta:
        """What a person decides."""

        model = Rule
        fields = (
            "name", "entity", "audience_kind", "audience_filter", "start_date", "local_time", "rrule", "anchor",
            "anchor_offset_days", "timezone", "gap", "fold", "leap", "handler", "payload", "snapshot",
            "max_attempts", "backoff_base", "backoff_cap", "grace", "expires_after", "catch_up", "overlap",
            "when_unknown", "at_most_once",
        )  # fmt: skip
        labels = {"rrule": "Recurrence (RRULE)"}  # noqa: RUF012 - Django's own attribute
        help_texts = {  # noqa: RUF012
            "payload": "What the handler is told, as a JSON object.",
            "max_attempts": "After as many failures it becomes a dead letter.",
            "backoff_base": "The first wait after a failure, as h:mm:ss; it doubles each time, with jitter …",
            "backoff_cap": "… up to this.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        suggest_zones(self)
        handler, choices = self.instance.handler, self.fields.get("handler")
        if choices and handler and handler not in handling.installed():
            choices.choices = [*handler_choices(), (handler, f"{handler} (not installed)")]  # type: ignore[attr-defined]

    def clean_audience_filter(self) -> dict[str, Any]:
        """Nothing, or an object."""
        given = self.cleaned_data["audience_filter"]
        if not isinstance(given or {}, dict):
            raise forms.ValidationError('It is not a JSON object. Write it as {"team": "blue"}.')
        return given or {}

    def clean_payload(self) -> Any:
        """Nothing is an empty object; the rest is for operations to judge."""
        given = self.cleaned_data["payload"]
        return {} if given is None else given

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, not in the stubs
        if self.errors:
            return
        try:
            operations.check_rule(self.instance, now=clock.now())
        except InvalidInput as refused:
            tell_form(self, refused, operations.COLUMN_OF)


def preview(form: RuleForm, *, now: datetime) -> dict[str, Any]:
    """What to show beside a form that is being filled in: problems, what is still missing, and the next firings."""
    form.is_valid()
    refused = form.errors.as_data()
    missing = [name for name, errors in refused.items() if any(error.code == "required" for error in errors)]
    # What concerns the whole is said once the parts are there.
    told = {
        name: errors
        for name, errors in refused.items()
        if name not in missing and (name in form.fields or not missing)
    }
    problems = [
        (_label(form, name), said)
        for name, errors in told.items()
        for error in errors
        for said in error.messages
    ]
    firings: list[queries.NextFiring] = []
    try:
        firings = next_firings(form.instance, now=now)
    except InvalidField as error:
        sentence = f"{error.facts['problem']}. {error.facts['remedy']}"
        if not any(sentence in said for _, said in problems):
            problems.append((_label(form, operations.COLUMN_OF.get(error.field, error.field)), sentence))
    return {"firings": firings, "problems": problems, "missing": [_label(form, name) for name in missing]}


def _label(form: RuleForm, name: str) -> str:
    return str(form[name].label) if name in form.fields else ""


def next_firings(rule: Rule, *, now: datetime) -> list[queries.NextFiring]:
    """The rule's next firings, as far as it says when and for whom; raises InvalidField."""
    says_when = rule.local_time and (rule.anchor or rule.start_date)
    says_whom = rule.entity_id or rule.audience_kind
    return queries.next_firings(rule, now=now) if says_when and says_whom else []
