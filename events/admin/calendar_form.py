"""The calendar's form, and the days that its values would close while they are being typed."""

from __future__ import annotations

import calendar as grids
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from events import clock, operations, planning, queries
from events.admin.base import VersionedForm, tell_form
from events.errors import InvalidField
from events.models import Calendar
from events.operations import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

# In UTF-8 a character takes up to four bytes.
LONGEST_FILE = 4 * operations.LONGEST_ICS
WEEKDAYS = tuple(enumerate(grids.day_name))
MONTHS_SHOWN = 12


def country_choices() -> list[tuple[str, str]]:
    """The countries whose public holidays are known, by name."""
    known = ((code, f"{name} ({code})") for code, name in queries.countries().items())
    return [("", "No country's holidays"), *known]


class CalendarForm(VersionedForm):
    """Checked by the rules of operations, each refusal beside its field."""

    closed_weekdays = forms.TypedMultipleChoiceField(
        choices=WEEKDAYS,
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Those that are closed in every week.",
    )
    country = forms.ChoiceField(
        choices=country_choices,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Whose public holidays are closed.",
    )
    ics = forms.CharField(
        label="iCalendar text",
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="All days on which its events are, repeated ones too, are closed.",
    )
    ics_file = forms.FileField(
        label="… or from a file",
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".ics,text/calendar"}),
        help_text="An .ics file, whose text takes the place of the one above.",
    )

    class Meta:
        """What a person decides."""

        model = Calendar
        fields = ("name", "closed_weekdays", "country", "subdivision", "ics")
        help_texts = {  # noqa: RUF012 - Django's own attribute
            "name": "As rules will call it, such as Bavaria, or Warehouse.",
            "subdivision": "A part of it with holidays of its own, such as BY. Empty: those of the whole country.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country, choices = self.instance.country, self.fields.get("country")
        if (
            choices and country and country not in queries.countries()
        ):  # such as DEU, or one of another release
            choices.choices = [*country_choices(), (country, country)]  # type: ignore[attr-defined]

    def clean_ics_file(self) -> str:
        """The file's text."""
        given = self.cleaned_data["ics_file"]
        if not given:
            return ""
        if given.size > LONGEST_FILE:
            raise forms.ValidationError(
                f"It has {given.size:,} bytes. Keep it to {operations.LONGEST_ICS:,} characters."
            )
        try:
            return str(given.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError("It is not text in UTF-8. Save it as such, and try again.") from None

    def clean(self) -> dict[str, Any] | None:
        """The file's text in place of the field's."""
        if self.cleaned_data.get("ics_file"):
            self.cleaned_data["ics"] = self.cleaned_data["ics_file"]
        return super().clean()

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, not in the stubs
        if self.errors:
            return
        try:
            operations.check_calendar(self.instance, now=clock.now())
        except InvalidInput as refused:
            tell_form(self, refused, {})


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of a month's grid: its number, "" or how it is closed ("weekly", "single"), and what it is."""

    number: int
    closed: str
    name: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month as it hangs on a wall: empty cells before its first day, then one a day."""

    name: str
    before: range
    cells: list[Cell]


def preview(form: CalendarForm, *, now: datetime) -> dict[str, Any]:
    """What to show beside a form that is being filled in: problems, what is missing, and the closed days."""
    form.is_valid()
    refused = form.errors.as_data()
    missing = [name for name, errors in refused.items() if any(error.code == "required" for error in errors)]
    problems = [
        (name if name in form.fields else "", _label(form, name), said)
        for name, errors in refused.items()
        if name not in missing
        for error in errors
        for said in error.messages
    ]
    shown = {} if problems else closed(form.instance, now=now)
    return {**shown, "problems": problems, "missing": [_label(form, name) for name in missing]}


def _label(form: CalendarForm, name: str) -> str:
    return str(form[name].label) if name in form.fields else ""


def closed(calendar: Calendar, *, now: datetime) -> dict[str, Any]:
    """What a calendar closes in the next twelve months, in words, as months and day by day; or what is wrong with it.

    A calendar that was kept may be wrong by now: another release of the holidays' data may know its country no more.
    """
    today = now.date()
    try:
        days = queries.closed_ahead(calendar, today=today)
    except InvalidField as refusal:
        sentence = f"{refusal.facts['problem']}. {refusal.facts['remedy']}"
        return {"problems": [("", "", sentence)]}
    names = {each.day: each.name for each in days}
    return {
        "says": queries.closed_in_words(calendar),
        "days": days,
        "months": list(_months(today, names, set(calendar.closed_weekdays))),
        "parts": [] if calendar.subdivision else planning.subdivisions_of(calendar.country),
    }


def _months(today: date, names: dict[date, str], weekly: Collection[int]) -> Iterator[Month]:
    for later in range(MONTHS_SHOWN):
        years, month = divmod(today.month - 1 + later, 12)
        begin = date(today.year + years, month + 1, 1)
        first, length = grids.monthrange(begin.year, begin.month)
        cells = [_cell(begin.replace(day=number + 1), names, weekly) for number in range(length)]
        yield Month(f"{begin:%b %Y}", range(first), cells)


def _cell(day: date, names: dict[date, str], weekly: Collection[int]) -> Cell:
    how = "single" if day in names else "weekly" if day.weekday() in weekly else ""
    return Cell(day.day, how, names.get(day, ""))
