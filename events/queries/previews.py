"""What one asked-for recurrence fires: one answer for commands, programs and people. It needs no database."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, TypedDict

from events.errors import InvalidField
from events.queries.asked import Asked, as_asked, asked_of, meant, policies_of, refuse, window_of
from events.timing import check, firings, in_words, next_firings, plain_firings, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from events.timing import Firing, Policies, Recurrence

__all__ = ["MOST_FIRINGS", "Asked", "Previewed", "asked_of", "preview", "sentence_of"]

USUAL_LIMIT = 10
MOST_FIRINGS = 1_000
_EARLIEST = datetime.min.replace(tzinfo=UTC)


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
    plain = plain_firings(recurrence, tz, policies, after=after, before=before, limit=limit)
    shows_itself = plain is not None or _shows_itself(recurrence)
    if not shows_itself:
        check(recurrence, policies)
    if plain is None:
        previewed = _shown(islice(firings(recurrence, tz, policies, after=after, before=before), limit), tz)
    else:
        previewed = _shown_plain(plain, tz)
    if not previewed and shows_itself:
        check(recurrence, policies)  # is it over, or could it never fire?
    if not previewed:
        _check_in_zone(recurrence, tz, policies)
    return previewed


def _shown(found: Iterable[Firing], tz: ZoneInfo) -> list[Previewed]:
    # A slot that nothing touched is the local time, and this is the fastest way to give it its zone.
    in_zone = datetime.combine
    return [
        {"slot": slot, "due_at": due_at, "local": due_at.astimezone(tz), "note": note or None}
        if note or fold
        else {"slot": slot, "due_at": due_at, "local": in_zone(slot, slot.time(), tz), "note": None}
        for slot, fold, due_at, note in found
    ]


def _shown_plain(found: list[tuple[datetime, datetime]], tz: ZoneInfo) -> list[Previewed]:
    in_zone = datetime.combine
    return [
        {"slot": slot, "due_at": due_at, "local": in_zone(slot, slot.time(), tz), "note": None}
        for slot, due_at in found
    ]


def _check_in_zone(recurrence: Recurrence, tz: ZoneInfo, policies: Policies) -> None:
    """Raise OutOfRange for what would fire in UTC, and has no instants in its zone that the calendar knows."""
    if recurrence.dtstart.tzinfo is None and not next_firings(
        recurrence, tz, policies, after=_EARLIEST, limit=1
    ):
        resolve(recurrence.dtstart, tz, gap=policies.gap, fold=policies.fold)


def _shows_itself(recurrence: Recurrence) -> bool:
    """Whether a firing of it shows that nothing is wrong with it, so that `check` need not look for one as well."""
    lists = recurrence.rdates or recurrence.exdates or recurrence.more_rrules
    return not lists and recurrence.dtstart.tzinfo is None
