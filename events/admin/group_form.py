"""The form of a group type: its own columns, and those of its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from unfold.overrides import FORMFIELD_OVERRIDES
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from events import operations
from events.admin.base import VersionedForm, tell_form
from events.admin.rule_form import handler_choices
from events.models import GroupType, Rule
from events.operations import InvalidInput

if TYPE_CHECKING:
    from django.db.models import Field

OF_RULE = (
    "name", "handler", "payload", "max_attempts", "backoff_base", "backoff_cap", "grace", "expires_after", "overlap",
    "at_most_once", "when_unknown",
)  # fmt: skip
SPECIAL: dict[str, dict[str, Any]] = {
    "name": {"help_text": "As messages call it, such as UPLOAD."},
    "payload": {
        "help_text": "Empty: the handler is told of the group alone. Else it is told this, with the group as data.",
        "widget": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    },
    "overlap": {
        "help_text": "When a group is due while the one of its key before it is still at work.",
        "widget": UnfoldAdminSelectWidget,
    },
    "when_unknown": {"widget": UnfoldAdminSelectWidget},
}


def _field(column: Field[Any, Any]) -> Any:
    usual: dict[str, Any] = dict(FORMFIELD_OVERRIDES.get(type(column), {}))
    made: Any = column
    return made.formfield(**(usual | SPECIAL.get(column.name, {})))


COLUMNS = {field.name: field for field in Rule._meta.concrete_fields if field.name in OF_RULE}


class GroupTypeForm(VersionedForm):
    """Checked by the rules of operations, each refusal beside its field."""

    class Meta:
        """What a person decides of the type itself."""

        model = GroupType
        fields = ("entity_kind", "moves", "max_wait", "max_items", "max_bytes")
        help_texts = {  # noqa: RUF012 - Django's own attribute
            "max_wait": "A group is dispatched so long after its first message at the latest, as h:mm:ss.",
        }

    name = _field(COLUMNS["name"])
    handler = forms.ChoiceField(
        choices=handler_choices,
        widget=UnfoldAdminSelectWidget,
        help_text="Who is told of a group, all at once.",
    )
    payload = _field(COLUMNS["payload"])
    max_attempts = _field(COLUMNS["max_attempts"])
    backoff_base = _field(COLUMNS["backoff_base"])
    backoff_cap = _field(COLUMNS["backoff_cap"])
    grace = _field(COLUMNS["grace"])
    expires_after = _field(COLUMNS["expires_after"])
    overlap = _field(COLUMNS["overlap"])
    at_most_once = _field(COLUMNS["at_most_once"])
    when_unknown = _field(COLUMNS["when_unknown"])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            self.instance.rule = operations.new_group_type().rule
        for name in OF_RULE:
            if name in self.fields:  # who may only look has none
                self.fields[name].initial = getattr(self.instance.rule, name)
        if self.instance.pk and "name" in self.fields:
            self.fields["name"].disabled = True  # messages know it by that

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, not in the stubs
        if self.errors:
            return
        for name in OF_RULE:
            value = self.cleaned_data[name]
            setattr(self.instance.rule, name, {} if name == "payload" and value is None else value)
        try:
            operations.check_group_type(self.instance)
        except InvalidInput as refused:
            tell_form(self, refused, {})
