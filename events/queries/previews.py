"""What one asked-for recurrence fires: one answer for commands, programs and people. It needs no database."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, TypedDict

from events.errors import InvalidField
from events.queries.asked import Asked, as_asked, asked_of, meant, policies_of, refuse, window_of
from events.timing import check, firings, in_words

if TYPE_CHECKING:
    from events.timing import Recurrence

__all__ = ["MOST_FIRINGS", "Asked", "Previewed", "asked_of", "preview", "sentence_of"]

USUAL_LIMIT = 10
MOST_FIRINGS = 1_000


class Previewed(TypedDict):
    """One firing: nominal local time (naive), the instant in UTC and in its zone, and what a policy did to it."""

    slot: datetime
    due_at: datetime
    local: datetime
    note: str | None


def preview(asked: Asked, *, now: datetime) -> list[Previewed]:
    """Return the first firings with after <= due_at < before, 10 of them or `limit`, by due_at.

    `after` is `now` (aware) where it is not given. Raises InvalidField, whose field is the one of `Asked`, also for
    a recurrence that could never fire; of one that fires, but not in that span, the list is empty.
    """
    try:
        return _previewed(asked, now)
    except InvalidField as refusal:
        raise as_asked(asked, refusal) from refusal


def sentence_of(asked: Asked, *, now: datetime) -> str:
    """Return what was asked for as an English sentence, with its zone. Raises as `preview` does."""
    try:
        recurrence, tz = meant(asked, window_of(asked, now)[0])
        return in_words(recurrence, policies_of(asked.gap, asked.fold, asked.leap), timezone=tz.key)
    except InvalidField as refusal:
        raise as_asked(asked, refusal) from refusal


def _previewed(asked: Asked, now: datetime) -> list[Previewed]:
    after, before = window_of(asked, now)
    limit = USUAL_LIMIT if asked.limit is None else asked.limit
    if not 0 < limit <= MOST_FIRINGS:
        refuse("limit", f"{limit} is out of range", f"Give a whole number from 1 to {MOST_FIRINGS:,}")
    policies = policies_of(asked.gap, asked.fold, asked.leap)
    recurrence, tz = meant(asked, after)
    is_plain = _is_plain(recurrence)
    if not is_plain:
        check(recurrence, policies)
    found = firings(recurrence, tz, policies, after=after, before=before)
    in_zone = datetime.combine
    # A slot that nothing touched is the local time, and this is the fastest way to give it its zone.
    previewed: list[Previewed] = [
        {"slot": slot, "due_at": due_at, "local": due_at.astimezone(tz), "note": note or None}
        if note or fold
        else {"slot": slot, "due_at": due_at, "local": in_zone(slot, slot.time(), tz), "note": None}
        for slot, fold, due_at, note in islice(found, limit)
    ]
    if is_plain and not previewed:
        check(recurrence, policies)  # is it over, or could it never fire?
    return previewed


def _is_plain(recurrence: Recurrence) -> bool:
    """Whether a firing of it shows that nothing is wrong with it, so that `check` need not look for one as well."""
    lists = recurrence.rdates or recurrence.exdates or recurrence.more_rrules
    return not lists and recurrence.dtstart.tzinfo is None
