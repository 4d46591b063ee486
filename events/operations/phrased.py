"""A phrase as the columns of a rule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from events import planning
from events.operations.errors import Refusal
from events.phrases import named_zone, read_phrase
from events.timing.recurring import rules_of

if TYPE_CHECKING:
    from datetime import date, datetime, time


class PhraseColumns(TypedDict):
    """What a phrase says of a rule's time; `timezone` is "" where everybody's own counts."""

    start_date: date
    local_time: time
    rrule: str
    timezone: str
    window: timedelta | None
    draws: int
    spacing: timedelta


def columns_of_phrase(text: str, *, now: datetime, timezone: str, home: str) -> PhraseColumns:
    """What a phrase that is said at `now` means, in a rule's columns.

    `timezone` is the rule's fixed zone, or ""; `home` the zone of the one whom the rule is for, "" if it is for many.
    Without a fixed zone the phrase is told in their own; for many it then names no one day, so it must repeat: from the
    earliest date that any clock shows. Raises InvalidPhrase, UnknownZone, Refusal (field "phrase").
    """
    phrase = read_phrase(text, now=now, timezone=timezone or home or planning.EXTREME_ZONES[0])
    start = phrase.recurrence.dtstart
    fixed = "UTC" if start.tzinfo else named_zone(text) or timezone
    if not (fixed or home or rules_of(phrase.recurrence)):
        raise Refusal(
            field="phrase",
            problem="it is for people in many zones, and names no one day there",
            remedy="Give a zone as well, such as in Europe/Berlin.",
        )
    return {
        "start_date": start.date(),
        "local_time": start.time(),
        "rrule": "\n".join(phrase.recurrence.rrules),
        "timezone": fixed,
        "window": phrase.window,
        "draws": phrase.draws,
        "spacing": phrase.spacing,
    }
