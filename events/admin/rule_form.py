"""The rule's form: every column that a person decides, and text from which some of them are filled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from events import clock, handling, operations
from events.admin.base import VersionedForm, suggest_zones, tell_form
from events.admin.lines import LinesField
from events.errors import InvalidField
from events.models import EveryFrom, Rule
from events.operations import InvalidInput
from events.timing import Fold, Gap, Leap, Roll

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What a phrase, or pasted text, says goes before what stands in these fields.
SAID_BY_PHRASE = ("start_date", "local_time", "rrule", "window", "draws", "spacing", "timezone")
SAID_BY_ICAL = ("start_date", "local_time", "rrule", "rdates", "exdates", "timezone")
# What each policy means, for whoever meets it for the first time.
EXPLAINED: dict[str, dict[str, str]] = {
    "every_from": {
        EveryFrom.START: "start: at a fixed pace",
        EveryFrom.COMPLETION: "completion: after the one before",
    },
    "roll": {
        Roll.SKIP: "skip: it does not fire",
        Roll.PREVIOUS: "previous: it fires on the open day before",
        Roll.NEXT: "next: it fires on the next open day",
    },
    "gap": {
        Gap.SHIFT: "shift: 02:30 fires at 03:30",
        Gap.NEXT_VALID: "next_valid: 02:30 fires at 03:00",
        Gap.PREVIOUS_VALID: "previous_valid: 02:30 fires at 01:59:59",
        Gap.SKIP: "skip: it does not fire that day",
    },
    "fold": {
        Fold.FIRST: "first: the first of the two",
        Fold.SECOND: "second: the second of the two",
        Fold.BOTH: "both: it fires twice",
    },
    "leap": {
        "": "by default: backward if anchored, else omit",
        Leap.BACKWARD: "backward: 29 February fires on the 28th",
        Leap.FORWARD: "forward: 29 February fires on 1 March",
        Leap.OMIT: "omit: it does not fire",
    },
}


def handler_choices() -> list[tuple[str, str]]:
    """The installed handlers, each with its kind: a new one needs no migration."""
    kinds = [
        (name, f"{name} ({handler.kind.replace('_', '-')})") for name, handler in handling.installed().items()
    ]
    return [("", "Choose what should happen"), *kinds]


def sentence_of(refusal: InvalidField) -> str:
    """What was refused and what to do about it."""
    return f"{refusal.facts['problem']}. {refusal.facts['remedy']}"


class RuleForm(VersionedForm):
    """Checked by the rules of operations, each refusal beside its field."""

    handler = forms.ChoiceField(
        choices=handler_choices,
        widget=UnfoldAdminSelectWidget,
        help_text="What happens when it is due. The kind says what a repeated call would mean.",
    )
    phrase = forms.CharField(
        label="In words",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "every weekday at 9am", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text="Read into the fields below, and said back beside this form: every first monday at 9, tomorrow at "
        "18:00 in Europe/Berlin, 3 times a day between 9 and 17.",
    )
    ical = forms.CharField(
        label="iCalendar text",
        required=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={
                "rows": 4,
                "placeholder": "DTSTART;TZID=Europe/Berlin:20301104T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO",
                "spellcheck": "false",
            }
        ),
        help_text="An event of an .ics file, or its DTSTART, RRULE, RDATE and EXDATE lines. They go before the start "
        "date, time, RRULE, dates and timezone of this form, and are written there.",
    )
    rdates = LinesField(
        label="Put in",
        help_text="One on a line, in ISO 8601: 2030-12-24, or 2030-12-24T18:00 local, or 2030-12-24T17:00Z.",
    )
    exdates = LinesField(
        label="Left out",
        help_text="Likewise. A date leaves out the whole day.",
    )

    class Meta:
        """What a person decides."""

        model = Rule
        fields = (
            "name", "entity", "audience_kind", "audience_filter", "start_date", "local_time", "rrule", "cron", "every",
            "every_from", "rdates", "exdates", "calendar", "roll", "anchor", "anchor_offset_days", "window", "draws",
            "spacing", "timezone", "on_move", "gap", "fold", "leap", "handler", "payload", "snapshot",
            "max_attempts", "backoff_base", "backoff_cap", "grace", "expires_after", "catch_up", "overlap",
            "when_unknown", "at_most_once",
        )  # fmt: skip
        widgets = {  # noqa: RUF012 - Django's own attribute
            "rrule": UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"}),
        }
        labels = {  # noqa: RUF012
            "rrule": "Recurrence (RRULE)",
            "cron": "Cron expression",
            "every": "Interval",
            "every_from": "Counted from",
            "roll": "What falls on a closed day",
            "window": "Window",
        }
        help_texts = {  # noqa: RUF012
            "rrule": "RFC 5545, such as FREQ=MONTHLY;BYDAY=1MO; several: one on a line.",
            "every": "Or so often: an ISO 8601 duration, such as PT30M, P1D or P2W.",
            "every_from": "After a completion, however long it took, the next one waits so long.",
            "roll": "The time of day stays the same.",
            "window": "How long each stays open, as h:mm:ss: from 09:00, 8:00:00 is until 17:00.",
            "timezone": "A fixed zone, such as Europe/Berlin, for all. Empty: each one's own.",
            "payload": "What the handler is told, as a JSON object.",
            "max_attempts": "After as many failures it becomes a dead letter.",
            "backoff_base": "The first wait after a failure, as h:mm:ss; it doubles each time, with jitter …",
            "backoff_cap": "… up to this.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        suggest_zones(self)
        for name in EXPLAINED.keys() & self.fields.keys():
            self.fields[name].choices = list(EXPLAINED[name].items())  # type: ignore[attr-defined]
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

    def clean(self) -> dict[str, Any] | None:
        """What was said or pasted, in the columns."""
        phrase = self.cleaned_data.get("phrase", "").strip()
        text = self.cleaned_data.get("ical", "").strip()
        if phrase and text:
            self.add_error("phrase", "iCalendar text was pasted as well. Leave one of the two empty.")
        elif phrase:
            self._take("phrase", SAID_BY_PHRASE, partial(self._columns_of_phrase, phrase))
        elif text:
            self._take("ical", SAID_BY_ICAL, partial(operations.columns_of_ical, text))
        return super().clean()

    def _take(self, field: str, columns: Sequence[str], read: Callable[[], Mapping[str, Any]]) -> None:
        """Put what a field says into the columns; what stands there does not count."""
        try:
            self.cleaned_data |= read()
        except InvalidField as refusal:
            self.add_error(field, sentence_of(refusal))
        else:
            for name in columns:
                self.errors.pop(name, None)

    def _columns_of_phrase(self, phrase: str) -> Mapping[str, Any]:
        whose = self.cleaned_data.get("entity")
        timezone = self.cleaned_data.get("timezone", "")
        home = whose.timezone if whose else ""
        return operations.columns_of_phrase(phrase, now=clock.now(), timezone=timezone, home=home)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, not in the stubs
        if self.errors:
            return
        try:
            operations.check_rule(self.instance, now=clock.now())
        except InvalidInput as refused:
            tell_form(self, refused, operations.COLUMN_OF)
