"""Wall time and zone -> instant, with the gap and fold policy named every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from events.errors import InvalidField

# Wall times are naive by definition: a zone makes an instant of them.
EARLIEST, LATEST = datetime.min, datetime.max  # noqa: DTZ901
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEADY_DAYS = 4
_STEADY_SPAN = timedelta(days=_STEADY_DAYS)
_MOST_SPANS = 16_384  # 180 years of a zone
_FIRST_SPAN, _LAST_SPAN = 2, LATEST.toordinal() // _STEADY_DAYS - 1


class Gap(StrEnum):
    """What a wall time that the zone's clocks jump over becomes."""

    SHIFT = "shift"
    NEXT_VALID = "next_valid"
    PREVIOUS_VALID = "previous_valid"
    SKIP = "skip"


class Fold(StrEnum):
    """Which of two instants a wall time that the zone's clocks show twice becomes."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


class Leap(StrEnum):
    """What a day that its month does not have becomes (RFC 7529, SKIP)."""

    BACKWARD = "backward"
    FORWARD = "forward"
    OMIT = "omit"


class OutOfRange(InvalidField):
    """{field}: {problem}. {remedy}"""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One instant of a wall time: `due_at` in UTC, the `fold` it was read with, and why if not plain."""

    due_at: datetime
    fold: int
    note: str


def resolve(wall: datetime, tz: ZoneInfo, *, gap: Gap, fold: Fold) -> tuple[Resolved, ...]:
    """Return the instants of a naive wall time: one as a rule, none for a skipped gap, two for both folds.

    SHIFT reads a wall time in a gap with the offset before it (RFC 5545, 3.3.5); NEXT_VALID is the first
    instant after the gap; PREVIOUS_VALID the last whole second before it.
    Raises OutOfRange (field "dtstart") where the instant falls outside the years 1 to 9999.
    """
    plain = plain_instant(wall, tz)
    if plain:
        return (Resolved(plain, 0, ""),)
    try:
        first, second = _offsets(wall, tz)
        if first == second:
            return (Resolved((wall - first).replace(tzinfo=UTC, fold=0), 0, ""),)
        if first < second:
            return _in_gap(wall, tz, gap, first, second)
        return _in_fold(wall, fold, first, second)
    except (OverflowError, ValueError) as error:
        raise OutOfRange(
            field="dtstart",
            problem=f"{wall.isoformat(' ')} in {tz.key} lies outside the years 1 to 9999 in UTC",
            remedy="Choose a date at least two days inside that range",
        ) from error


def plain_instant(wall: datetime, tz: ZoneInfo) -> datetime | None:
    """Return the instant of a naive wall time on days without a change of offset, else None: then `resolve` it."""
    epoch = _epochs(tz)[wall.toordinal() // _STEADY_DAYS]
    return _EPOCH + (wall - epoch) if epoch else None


def plain_instants(slots: Sequence[tuple[datetime, int]], tz: ZoneInfo) -> list[datetime] | None:
    """Return the instants of slots as `plain_instant` does, or None if one moved, or has to be resolved.

    This is the fast way for nearly all, since what it needs is kept for each zone and span of days.
    """
    by_span = _epochs(tz)
    epochs = [by_span[wall.toordinal() // _STEADY_DAYS] for wall, _ in slots]
    if None in epochs or any(moved for _, moved in slots):
        return None
    return [_EPOCH + (slot[0] - epoch) for slot, epoch in zip(slots, epochs, strict=True)]  # type: ignore[operator]


def is_steady(wall: datetime, tz: ZoneInfo) -> bool:
    """Return whether the offset certainly does not change within 26 hours before and after a wall time."""
    epochs, day = _epochs(tz), wall.toordinal()
    epoch = epochs[(day - 2) // _STEADY_DAYS]
    return epoch is not None and epoch == epochs[(day + 2) // _STEADY_DAYS]


class _Epochs(dict[int, datetime | None]):
    """By span of days: the wall time of 1970-01-01T00:00Z by its one offset, or None if it has several.

    No zone changes its offset twice within so few days, so the same offset at both ends is that of all between.
    Found when first asked for; a zone's spans are forgotten when there are too many of them.
    """

    def __init__(self, tz: ZoneInfo) -> None:
        self._tz = tz

    def __missing__(self, span: int) -> datetime | None:
        if len(self) >= _MOST_SPANS:
            self.clear()
        self[span] = epoch = self._found(span)
        return epoch

    def _found(self, span: int) -> datetime | None:
        if not _FIRST_SPAN <= span < _LAST_SPAN:
            return None
        first = datetime.fromordinal(span * _STEADY_DAYS)
        # At an end that is in a gap or fold itself, one reading is before the change, and the other after it.
        offset = self._tz.utcoffset(first)
        if offset is None or offset != self._tz.utcoffset((first + _STEADY_SPAN).replace(fold=1)):
            return None
        return _EPOCH.replace(tzinfo=None) + offset


@lru_cache(maxsize=1024)
def _epochs(tz: ZoneInfo) -> _Epochs:
    return _Epochs(tz)


def first_change(tz: ZoneInfo, start: datetime, end: datetime) -> datetime:
    """Return the first whole second after `start`, up to `end` (both UTC), with another offset than start's.

    Valid where the zone's offset changes once between them.
    """
    before = start.astimezone(tz).utcoffset()
    low, high = 0, -((start - end) // _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if (start + middle * _SECOND).astimezone(tz).utcoffset() == before:
            low = middle
        else:
            high = middle
    return start + high * _SECOND


def _offsets(wall: datetime, tz: ZoneInfo) -> tuple[timedelta, timedelta]:
    first = tz.utcoffset(wall.replace(fold=0))
    second = tz.utcoffset(wall.replace(fold=1))
    if first is None or second is None:  # pragma: no cover - ZoneInfo gives None for time alone
        raise ValueError(wall)
    return first, second


def _in_gap(
    wall: datetime, tz: ZoneInfo, gap: Gap, before: timedelta, after: timedelta
) -> tuple[Resolved, ...]:
    if gap is Gap.SKIP:
        return ()
    if gap is Gap.SHIFT:
        due, verb = (wall - before).replace(tzinfo=UTC, fold=0), "shifted to"
    else:
        whole = wall.replace(microsecond=0, fold=0, tzinfo=UTC)
        due, verb = first_change(tz, whole - after, whole - before), "moved on to"
    if gap is Gap.PREVIOUS_VALID:
        due, verb = due - _SECOND, "moved back to"
    observed = due.astimezone(tz).replace(tzinfo=None)
    return (
        Resolved(
            due,
            0,
            f"gap: {_clock(wall, observed)} does not exist, {verb} {_clock(observed, wall)}",
        ),
    )


def _in_fold(wall: datetime, fold: Fold, *offsets: timedelta) -> tuple[Resolved, ...]:
    taken = {Fold.FIRST: (0,), Fold.SECOND: (1,), Fold.BOTH: (0, 1)}[fold]
    which = ("first", "second")
    return tuple(
        Resolved(
            (wall - offsets[n]).replace(tzinfo=UTC, fold=0),
            n,
            f"fold: {_clock(wall, wall)} happens twice, the {which[n]} was taken",
        )
        for n in taken
    )


def _clock(wall: datetime, other: datetime) -> str:
    text = wall.time().isoformat("auto" if wall.second or wall.microsecond else "minutes")
    return text if wall.date() == other.date() else f"{wall.date()} {text}"
