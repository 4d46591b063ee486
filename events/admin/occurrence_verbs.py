"""What operators may do to occurrences: the words, the forms, and one operation each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.fields import InvalidJSONInput
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from events import operations, queries
from events.admin.acting import Deed, ReasonForm, Verb
from events.lifecycle import CLAIMABLE, UNSENT, State
from events.models import Occurrence
from events.templatetags import show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.transitions import Origin

REPLACE, MERGE = "replace", "merge"


class ResolveForm(ReasonForm):
    """As what a person settles a dead letter."""

    to_state = forms.ChoiceField(
        label="Settle as",
        widget=UnfoldAdminSelectWidget,
        choices=[
            (State.COMPLETED.value, "completed: it did happen"),
            (State.CANCELLED.value, "cancelled: it did not happen, and no longer should"),
        ],
    )
    field_order = ("to_state", "why")


class ReadableJSON(forms.JSONField):
    """Shown on as many lines as it takes to be read."""

    def prepare_value(self, value: Any) -> Any:
        """The text in the widget."""
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


class PayloadForm(ReasonForm):
    """What the handler is told instead."""

    payload = ReadableJSON(
        label="Payload",
        required=False,  # to Django an empty object is nothing
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "class": "pn-mono", "spellcheck": "false"}),
        help_text="A JSON object. The log keeps what you change; a later edit of the rule no longer concerns it.",
    )
    how = forms.ChoiceField(
        label="How",
        widget=UnfoldAdminSelectWidget,
        choices=[
            (REPLACE, "replace: this is the whole payload"),
            (MERGE, "merge: change these keys alone, and take out those that are null (RFC 7396)"),
        ],
    )
    field_order = ("payload", "how", "why")

    def clean_payload(self) -> Any:
        """Nothing is an empty object; the rest is for operations to judge."""
        given = self.cleaned_data["payload"]
        return {} if given is None else given


def payload_to_edit(ids: Sequence[int]) -> dict[str, Any]:
    """One occurrence's payload as it is; of several, none: their keys are merged."""
    row = Occurrence.objects.select_related("rule").filter(pk__in=ids).first() if len(ids) == 1 else None
    if row is None:
        return {"payload": {}, "how": MERGE}
    return {"payload": queries.payload_of(row).payload, "how": REPLACE}


def _verb(
    operation: Callable[..., list[int]], became: str, movable: str
) -> Callable[[Sequence[int], dict[str, Any], Origin], Deed]:
    """Calls the operation, and says how many rows moved and why the others did not."""

    def perform(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:
        moved = operation(ids, origin=origin, **values)
        said = [f"{show.several(len(moved), 'occurrence')} {became}."]
        stayed = list(Occurrence.objects.filter(pk__in=set(ids) - set(moved)).values_list("state", flat=True))
        if stayed:
            states = " and ".join(sorted(set(stayed)))
            said.append(f"{len(stayed):,} stayed as before: {states}. Only what is {movable} can be.")
        return Deed(moved, said)

    return perform


FIRE_NOW = Verb(
    "fire-now", "Fire now", "Fires at once instead of at its moment.",
    _verb(operations.fire_now, "will fire now", "SCHEDULED or RETRYING, not held,"),
)  # fmt: skip
CANCEL = Verb(
    "cancel", "Cancel", "Will not fire, even if its message is already on the way.",
    _verb(operations.cancel, "cancelled", "SCHEDULED, PENDING or RETRYING"), is_grave=True,
)  # fmt: skip
EDIT = Verb(
    "edit-payload", "Edit payload", "Its handler is told this when it is replayed; nothing is called yet.",
    _verb(
        lambda ids, *, payload, how, why, origin: operations.amend(
            ids, payload=payload, merge=how == MERGE, why=why, origin=origin
        ),
        "edited; replay what should be tried again", "FAILED or UNKNOWN",
    ),
    form_class=PayloadForm, initial=payload_to_edit,
)  # fmt: skip
REPLAY = Verb(
    "replay", "Replay", "Gets new attempts, with the same idempotency key.",
    _verb(operations.replay, "will be tried again", "FAILED or UNKNOWN"),
)  # fmt: skip
RESOLVE = Verb(
    "resolve", "Resolve", "Settled by your word; nothing is called.",
    _verb(
        lambda ids, *, to_state, why, origin: operations.resolve(
            ids, to_state=State(to_state), why=why, origin=origin
        ),
        "settled", "FAILED or UNKNOWN",
    ),
    form_class=ResolveForm,
)  # fmt: skip

VERBS = (FIRE_NOW, CANCEL, EDIT, REPLAY, RESOLVE)
# From which states each may move a row.
MOVABLE = {
    FIRE_NOW.key: CLAIMABLE,
    CANCEL.key: UNSENT,
    EDIT.key: queries.DEAD_LETTERS,
    REPLAY.key: queries.DEAD_LETTERS,
    RESOLVE.key: queries.DEAD_LETTERS,
}
