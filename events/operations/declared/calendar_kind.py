"""Calendars as a file declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.models import Calendar
from events.operations.calendars import EDITABLE, change_calendar, check_calendar, create_calendar
from events.operations.declared.columns import column_of, weekdays_of, write_weekdays
from events.operations.declared.kinds import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from events.operations.declared.kinds import Declared, Doing

NAMED = [field for field in Calendar._meta.concrete_fields if field.name in EDITABLE]


def _with_newlines(text: str) -> str:
    """Forms and files of the web end their lines otherwise; iCalendar means the same by it."""
    return text.replace("\r\n", "\n")


class CalendarKind(Kind[Calendar]):
    """None is ended by a file that leaves it out: it closes nothing by itself, and what is retired may name it."""

    key, noun = "calendars", "calendar"
    columns = {field.name: column_of(field) for field in NAMED} | {
        "closed_weekdays": column_of(
            Calendar._meta.get_field("closed_weekdays"), read=weekdays_of, write=write_weekdays
        ),
        "ics": column_of(
            Calendar._meta.get_field("ics"),
            write=_with_newlines,
            same=lambda one, other: _with_newlines(one) == _with_newlines(other),
        ),
    }

    def hold(self, declared: Declared, *, everything: bool) -> dict[str, Calendar]:  # noqa: ARG002
        """Those that rules name are locked with them, in one order for all."""
        names = declared.names(self.key)
        used = {declaration.values.get("calendar") for declaration in declared.of("rules")} - {None}
        found = Calendar.objects.select_for_update(no_key=True).order_by("pk")
        return {row.name: row for row in found.filter(name__in=names | used) if row.name in names}

    def everything(self) -> list[Calendar]:
        """All there are."""
        return list(Calendar.objects.all())

    def blank(self) -> Calendar:
        """Empty."""
        return Calendar()

    def check(self, row: Calendar, *, before: Calendar | None, now: datetime) -> None:  # noqa: ARG002
        """Raises InvalidCalendar."""
        check_calendar(row, now=now)

    def create(self, row: Calendar, doing: Doing) -> None:
        """Raises InvalidCalendar."""
        create_calendar(row, origin=doing.origin)

    def change(self, row: Calendar, doing: Doing) -> None:
        """Its rules' rows follow. Raises InvalidCalendar."""
        change_calendar(row, horizon=doing.horizon, origin=doing.origin)
