"""When a reminder fires, as somebody says it -> the columns of a rule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from events.errors import InvalidField
from events.operations.errors import Refusal, shown
from events.operations.phrased import columns_of_phrase
from events.operations.snoozes import length_said
from events.phrases import InvalidPhrase
from events.phrases.here import Here
from events.timing import canonical_zone, read_wall_time
from events.timing.durations import rule_of_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from events.models import Entity

# Ways to say when, of which a reminder has one; then what may stand beside them.
WAYS = ("at", "phrase", "rrule", "cron", "every", "within")
BESIDE = ("dtstart", "timezone")
COLUMNS: dict[str, Any] = {
    "start_date": None, "local_time": None, "rrule": "", "cron": "", "every": "", "window": None, "draws": 1,
    "spacing": timedelta(0), "timezone": "",
}  # fmt: skip
# A refused column, by the way in which it was said: where it is not called as it was given.
SAID_IN = {"start_date", "local_time", "window", "draws", "spacing"}


def way_of(when: Mapping[str, str]) -> str:
    """The one way in which it is said. Raises Refusal."""
    given = [way for way in WAYS if way in when]
    if len(given) == 1:
        return given[0]
    said = f"{' and '.join(given)} exclude each other" if given else "it does not say when"
    remedy = f'Give one of {", ".join(WAYS)}, such as {{"phrase": "tomorrow at 9am"}}.'
    raise Refusal(field=given[-1] if given else "phrase", problem=said, remedy=remedy)


def time_columns(when: Mapping[str, str], *, person: Entity, now: datetime) -> dict[str, Any]:
    """All columns of a rule's time. Raises InvalidField, whose field is one of WAYS or BESIDE.

    A local time is the person's, and follows them into another zone; with a `timezone` it is one of that zone. An
    instant stays where it is.
    """
    way = way_of(when)
    if "dtstart" in when and way not in {"rrule", "every"}:
        raise Refusal(field="dtstart", problem=f"{way} has no use for it", remedy="Leave it out.")
    fixed = canonical_zone(when["timezone"]) if "timezone" in when else ""
    said = when[way].strip()
    if not said:
        raise Refusal(field=way, problem="it is empty", remedy="Fill it in, or leave it out.")
    if way in {"phrase", "within"}:
        return COLUMNS | _of_phrase(way, said, fixed, person, now)
    here = Here(now, fixed or person.timezone)
    start = _start(way, said, when, here)
    columns = COLUMNS | {
        "start_date": start.date(),
        "local_time": None if way == "cron" else start.time(),
        "timezone": "UTC" if start.tzinfo and way != "cron" else fixed,
    }
    return columns if way == "at" else columns | {way: said}


def _start(way: str, said: str, when: Mapping[str, str], here: Here) -> datetime:
    """The first moment, or from where its moments are counted; an interval without one counts from now."""
    if way == "at":
        return read_wall_time(said, field="at")
    if "dtstart" in when:
        return read_wall_time(when["dtstart"], field="dtstart")
    if way == "rrule":
        remedy = "Give the first local time, such as 2026-12-24T18:00."
        raise Refusal(field="dtstart", problem="it is missing", remedy=remedy)
    return _first_of_interval(said, here) if way == "every" else here.now.astimezone(here.tz)


def _first_of_interval(said: str, here: Here) -> datetime:
    """One interval from now."""
    rule_of_duration(said)
    number, unit = length_said(said, field="every").split()
    try:
        later = here.later(int(number), unit.removesuffix("s"))
    except InvalidPhrase as error:  # a month that has no such day
        raise Refusal(field="every", problem=error.facts["problem"], remedy=error.facts["remedy"]) from error
    return here.wall_or_instant(later) if later.tzinfo else later


def _of_phrase(way: str, said: str, fixed: str, person: Entity, now: datetime) -> dict[str, Any]:
    phrase = said if way == "phrase" else f"within {length_said(said, field='within')}"
    try:
        return dict(columns_of_phrase(phrase, now=now, timezone=fixed, home=person.timezone))
    except InvalidField as error:
        if way == "phrase" or error.field != "phrase":
            raise
        problem = f"{shown(said)} is no length of time"
        raise Refusal(field=way, problem=problem, remedy="Write it as P3D, 3d or next 3 days.") from error


def as_said(refusal: InvalidField, way: str) -> InvalidField:
    """A column's refusal as that of the field in which it was said."""
    if refusal.field not in SAID_IN and not (refusal.field == "rrule" and way == "phrase"):
        return refusal
    return Refusal(field=way, problem=refusal.facts["problem"], remedy=refusal.facts["remedy"])
