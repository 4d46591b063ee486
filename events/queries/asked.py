"""A recurrence as somebody asks for it, in texts, and what it means: field by field, refused by field."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from events.errors import InvalidField
from events.timing import Fold, Gap, Leap, Policies, Recurrence, read_dates, read_ical, read_wall_time, zone
from events.timing.checking import MOST_DATES
from events.timing.refusing import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

KINDS = ("rrule", "cron", "every", "once", "ics")
_LATEST = datetime.max.replace(tzinfo=UTC)
# An id is given back as it came, and a larger number would not be.
_LARGEST_EXACT = 2**53

Choice = TypeVar("Choice", Gap, Fold, Leap)


class InvalidAsked(InvalidField):
    """{field}: {problem}. {remedy}"""


@dataclass
class Asked:
    """A recurrence as it is asked for, in texts as JSON has them; None is what is not given.

    `dtstart` and `once` are local ISO times, or instants; `rdate` and `exdate` are lists of such, and of dates.
    `after` and `before` are UTC unless they have an offset. One of KINDS at most; without any: once, at `dtstart`.
    """

    id: str | float | None = None
    dtstart: str | None = None
    timezone: str | None = None
    rrule: str | list[str] | None = None
    cron: str | None = None
    every: str | None = None
    once: str | None = None
    ics: str | None = None
    rdate: list[str] | None = None
    exdate: list[str] | None = None
    gap: str | None = None
    fold: str | None = None
    leap: str | None = None
    after: str | None = None
    before: str | None = None
    limit: int | None = None


FIELDS = tuple(field.name for field in fields(Asked))
_TYPES: dict[str, type] = dict.fromkeys(FIELDS, str) | {"rdate": list, "exdate": list, "limit": int}
_WANTED = dict.fromkeys(FIELDS, "text") | {
    "id": "text, or a number that is kept exactly",
    "rrule": "text, or a list of texts",
    "rdate": "a list of texts",
    "exdate": "a list of texts",
    "limit": "a whole number",
}


def asked_of(given: Mapping[str, Any]) -> Asked:
    """Return what a JSON object asks for; null stands for what is not given. Raises InvalidAsked."""
    for name, value in given.items():
        if type(value) is not _TYPES.get(name):
            _check_unusual(name, value)
    # As `Asked(**given)`, in a fraction of its time: what is not given is the class's own default.
    asked = Asked.__new__(Asked)
    vars(asked).update(given)
    return asked


def window_of(asked: Asked, now: datetime) -> tuple[datetime, datetime]:
    """Return from when on, and before when, firings are looked for (aware). Raises InvalidField."""
    after = now if asked.after is None else _instant(asked.after, "after")
    if asked.before is None:
        return after, _LATEST
    before = _instant(asked.before, "before")
    if before <= after:
        problem = f"{before.isoformat()} is not after {after.isoformat()}, from which firings are looked for"
        refuse("before", problem, "Give a later one, or an earlier after")
    return after, before


@lru_cache(maxsize=64)
def policies_of(gap: str | None, fold: str | None, leap: str | None) -> Policies:
    """Return the policies of these names; None is the usual one. Raises InvalidAsked."""
    return Policies(
        Gap.SHIFT if gap is None else _choice(Gap, "gap", gap),
        Fold.FIRST if fold is None else _choice(Fold, "fold", fold),
        Leap.OMIT if leap is None else _choice(Leap, "leap", leap),
    )


def meant(asked: Asked, after: datetime) -> tuple[Recurrence, ZoneInfo]:
    """Return the recurrence and its zone. Raises InvalidField, whose field is the calendar's: see `as_asked`."""
    kinds = [kind for kind in KINDS if getattr(asked, kind) is not None]
    if len(kinds) > 1:
        refuse(kinds[1], f"{' and '.join(kinds)} exclude each other", "Keep one of them")
    kind = kinds[0] if kinds else ""
    if kind and not getattr(asked, kind):
        refuse(kind, "it is empty", "Fill it in, or leave it out")
    recurrence, timezone = _of_ics(asked) if kind == "ics" else (_of_texts(asked, kind, after), "")
    if asked.rdate or asked.exdate:
        recurrence = replace(
            recurrence,
            rdates=recurrence.rdates + _dates(asked.rdate, "rdate"),
            exdates=recurrence.exdates + _dates(asked.exdate, "exdate"),
        )
    return recurrence, _zone(asked, recurrence, timezone)


def as_asked(asked: Asked, refusal: InvalidField) -> InvalidField:
    """Return the calendar's refusal as that of the field in which the mistake was made."""
    if isinstance(refusal, InvalidAsked):
        return refusal
    field, problem = refusal.field, str(refusal.facts["problem"])
    if asked.once is not None and field == "dtstart":
        field = "once"
    elif asked.ics and field != "ics" and getattr(asked, field, None) is None:
        field, problem = "ics", f"its {'TZID' if field == 'timezone' else field.upper()}: {problem}"
    return InvalidAsked(field=field, problem=problem, remedy=refusal.facts["remedy"])


def refuse(field: str, problem: str, remedy: str) -> NoReturn:
    """Raise InvalidAsked."""
    raise InvalidAsked(field=field, problem=problem, remedy=remedy)


@lru_cache(maxsize=1024)
def _instant(text: str, field: str) -> datetime:
    given = read_wall_time(text, field=field)
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _choice(choices: type[Choice], field: str, text: str) -> Choice:
    if text not in set(choices):
        refuse(field, f"{shown(text)} is no policy for it", f"Use {', '.join(choices)}")
    return choices(text)


def _of_ics(asked: Asked) -> tuple[Recurrence, str]:
    if asked.dtstart is not None:
        refuse("dtstart", "iCalendar text has its own DTSTART", "Leave it out")
    imported = read_ical(asked.ics or "")
    return imported.recurrence, imported.timezone


def _of_texts(asked: Asked, kind: str, after: datetime) -> Recurrence:
    if kind == "once" and asked.dtstart is not None:
        refuse("dtstart", "once is the time itself", "Leave one of the two out")
    if kind == "once":
        return Recurrence(read_wall_time(asked.once or "", field="once"))
    dtstart = _dtstart(asked, kind, after)
    if kind == "rrule":
        return _of_rrule(dtstart, asked.rrule or "")
    return Recurrence(dtstart, cron=asked.cron or "", every=asked.every or "")


def _dtstart(asked: Asked, kind: str, after: datetime) -> datetime:
    if asked.dtstart is not None:
        return read_wall_time(asked.dtstart, field="dtstart")
    if kind != "cron":
        remedy = "Give the first local time, such as 2030-12-24T18:00; only cron, once and ics go without it"
        refuse("dtstart", "it is missing", remedy)
    # A cron expression hangs on no first time: any that is over everywhere will do.
    day = max(after.replace(tzinfo=None), datetime(1, 1, 4)) - timedelta(days=3)  # noqa: DTZ001 - wall time
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def _of_rrule(dtstart: datetime, rrule: str | list[str]) -> Recurrence:
    if isinstance(rrule, str) and "\n" not in rrule:
        return Recurrence(dtstart, rrule)
    lines = rrule.splitlines() if isinstance(rrule, str) else rrule
    first, *more = [line for line in lines if line.strip()] or [" "]
    return Recurrence(dtstart, first, more_rrules=tuple(more))


def _dates(texts: list[str] | None, field: str) -> tuple[Any, ...]:
    if texts is None:
        return ()
    if len(texts) > MOST_DATES:
        refuse(field, f"there are {len(texts):,} of them", f"Keep it to {MOST_DATES:,}")
    if not all(isinstance(text, str) for text in texts):
        refuse(field, "not all of it is text", 'Give a list such as ["2030-12-24", "2030-12-31T18:00"]')
    return read_dates(texts, field=field)


def _zone(asked: Asked, recurrence: Recurrence, timezone: str) -> ZoneInfo:
    """The text's own zone goes before the one that is given, which must exist all the same."""
    given = zone(asked.timezone) if asked.timezone is not None else None
    if timezone:
        return zone(timezone)
    if given is None and recurrence.dtstart.tzinfo is None:
        refuse("timezone", "it is missing", "Give an IANA zone, such as Europe/Berlin or America/New_York")
    return given or zone("UTC")


def _check_unusual(name: str, value: object) -> None:
    """Whether a value of another type than the usual one will do, too."""
    if name not in _TYPES:
        called = name[:60].lower()
        within = [each for each in FIELDS if called and called in each]
        close = within or get_close_matches(called, FIELDS, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"Use {', '.join(FIELDS)}"
        refuse(shown(name), "there is no such field", remedy)
    if value is None or (name == "id" and _is_exact(value)):
        return
    if name == "rrule" and isinstance(value, list) and all(isinstance(line, str) for line in value):
        return
    refuse(name, f"it is not {_WANTED[name]}", f"Give {_WANTED[name]}, or leave it out")


def _is_exact(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and abs(value) <= _LARGEST_EXACT)
