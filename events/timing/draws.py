"""Random instants in a window of wall time: uniform over the time that the zone's clock really shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from events.timing.refusing import refuse
from events.timing.walltime import first_change

LONGEST_WINDOW = timedelta(days=366)
MOST_DRAWN = 1_000
# Instants that are drawn in vain before we give up.
_MOST_TRIES = 20_000
# Longer than any change of offset, and shorter than what lies between two of them.
_NEAR = timedelta(hours=26)
_MICROSECOND = timedelta.resolution


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: from `start` up to before `end`, both in UTC."""

    start: datetime
    end: datetime


def day_window(day: date, opens: time, closes: time) -> tuple[datetime, datetime]:
    """Return a day's window of wall time, up to before `closes`: on the next day if that is not after `opens`."""
    ends = datetime.combine(day, closes)
    return datetime.combine(day, opens), ends if closes > opens else ends + timedelta(days=1)


def spans(start: datetime, end: datetime, tz: ZoneInfo) -> tuple[Span, ...]:
    """Return when the zone's clock shows start <= wall time < end (naive): in order, apart from each other.

    A gap is in none of them, and a fold is in them twice; a window that begins or ends within a fold has a hole.
    Raises InvalidRecurrence (field "window") where it is empty, longer than 366 days, or at the calendar's ends.
    """
    if not timedelta(0) < end - start <= LONGEST_WINDOW or start.year == 1 or end.year == 9999:
        refuse(
            f"from {start.isoformat(' ')} up to {end.isoformat(' ')} is no window",
            f"Give one of at most {LONGEST_WINDOW.days} days that ends after it begins",
            field="window",
        )
    found: list[Span] = []
    for piece, offset in _pieces(start.replace(tzinfo=UTC) - _NEAR, end.replace(tzinfo=UTC) + _NEAR, tz):
        first = max(piece.start, start.replace(tzinfo=UTC) - offset)
        last = min(piece.end, end.replace(tzinfo=UTC) - offset)
        if first >= last:
            continue
        if found and found[-1].end == first:
            first = found.pop().start
        found.append(Span(first, last))
    if not found:
        refuse(
            f"from {start.isoformat(' ')} up to {end.isoformat(' ')} does not exist in {tz.key}",
            "Give a window that is not all in a gap",
            field="window",
        )
    return tuple(found)


def draw(
    within: Sequence[Span],
    random: Callable[[], float],
    *,
    count: int = 1,
    spacing: timedelta = timedelta(0),
) -> tuple[datetime, ...]:
    """Return `count` instants of the spans (UTC, sorted), at least `spacing` apart, all such choices equally likely.

    `random` gives floats in [0, 1). Raises InvalidRecurrence (field "window") where so many do not fit.
    """
    spacing = max(spacing, _MICROSECOND)
    hull = Span(within[0].start, within[-1].end)
    room = hull.end - hull.start - (count - 1) * spacing
    if not 1 <= count <= MOST_DRAWN or room <= timedelta(0):
        _refuse_crowd(count, spacing)
    # What is uniform over the whole stretch is uniform over the spans too, if all that falls beside them is redrawn.
    for _ in range(max(_MOST_TRIES // count, 20)):
        offsets = sorted(int(random() * (room // _MICROSECOND)) for _ in range(count))
        chosen = [hull.start + offset * _MICROSECOND + nth * spacing for nth, offset in enumerate(offsets)]
        if all(any(span.start <= one < span.end for span in within) for one in chosen):
            break
    else:
        _refuse_crowd(count, spacing)
    return tuple(chosen)


def _refuse_crowd(count: int, spacing: timedelta) -> NoReturn:
    refuse(
        f"{count:,} draws, {spacing} apart, do not fit into the window",
        f"Give a longer window, or fewer: from 1 to {MOST_DRAWN:,}",
        field="window",
    )


def _pieces(start: datetime, end: datetime, tz: ZoneInfo) -> Iterator[tuple[Span, timedelta]]:
    """The stretches of one offset between two instants."""
    began = start
    while start < end:
        ahead = min(start + _NEAR, end)
        offset = _offset(start, tz)
        if _offset(ahead, tz) != offset:
            ahead = first_change(tz, start, ahead)
            yield Span(began, ahead), offset
            began = ahead
        start = ahead
    yield Span(began, end), _offset(began, tz)


def _offset(instant: datetime, tz: ZoneInfo) -> timedelta:
    return instant.astimezone(tz).utcoffset() or timedelta(0)
