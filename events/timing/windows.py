"""Windows of time that slots open, within which something fires at random."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from events.timing.recurrence import Firing, Recurrence
from events.timing.recurring import rules_of
from events.timing.refusing import refuse
from events.timing.walltime import Fold, Gap, resolve

LONGEST_WINDOW = timedelta(days=366)
MOST_DRAWS = 1_000


def closes_at(firing: Firing, window: timedelta, recurrence: Recurrence, tz: ZoneInfo) -> datetime:
    """Return the instant (UTC) before which the window that a firing opens is over; never before it opens.

    Where the recurrence counts in wall time so does the window: 8 hours from 09:00 end at 17:00, and 12 hours from
    20:00 at 08:00, on nights of 11 or 13 hours too. Where it counts hours or less, or instants, the window is as long
    as it says. A closing time that the clock shows twice is the first one after the opening.
    """
    if counts_in_instants(recurrence):
        return firing.due_at + window
    ends = resolve(firing.slot + window, tz, gap=Gap.SHIFT, fold=Fold.BOTH)
    return next((one.due_at for one in ends if one.due_at > firing.due_at), firing.due_at + window)


def counts_in_instants(recurrence: Recurrence) -> bool:
    """Return whether the recurrence advances in elapsed time, and not in the zone's wall time."""
    return recurrence.dtstart.tzinfo is not None or any(rule.freq.is_elapsed for rule in rules_of(recurrence))


def check_window(window: timedelta, draws: int, spacing: timedelta) -> None:
    """Raise InvalidRecurrence (field "window", "draws" or "spacing") where so many draws do not fit."""
    if not timedelta(0) < window <= LONGEST_WINDOW:
        refuse(
            f"{window} is no length for a window",
            f"Give one above zero, of {LONGEST_WINDOW.days} days at most",
            field="window",
        )
    if not 1 <= draws <= MOST_DRAWS:
        refuse(f"{draws:,} draws", f"Give a number from 1 to {MOST_DRAWS:,}", field="draws")
    if spacing < timedelta(0) or (draws - 1) * spacing >= window:
        refuse(
            f"{draws:,} draws, {spacing} apart, do not fit into {window}",
            "Give a longer window, fewer draws, or less spacing",
            field="spacing",
        )
