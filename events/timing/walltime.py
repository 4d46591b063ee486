"""Wall time and zone -> instant, with the gap and fold policy named every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from events.errors import InvalidField

# Wall times are naive by definition: a zone makes an instant of them.
EARLIEST, LATEST = datetime.min, datetime.max  # noqa: DTZ901
_SECOND = timedelta(seconds=1)
_EPOCH, _WALL_EPOCH = datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1)  # noqa: DTZ001 - wall time
_MIDNIGHT_AGAIN = time(fold=1)
_STEADY_DAYS = 4
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
        if first < second:
            return _in_gap(wall, tz, gap, first, second)
        # What has one offset, and is no instant, overflows here too.
        return _in_fold(wall, fold, first, second)
    except (OverflowError, ValueError) as error:
        raise OutOfRange(
            field="dtstart",
            problem=f"{wall.isoformat(' ')} in {tz.key} lies outside the years 1 to 9999 in UTC",
            remedy="Choose a date at least two days inside that range",
        ) from error


def plain_instant(wall: datetime, tz: ZoneInfo) -> datetime | None:
    """Return the instant of a naive wall time that there is once, else None: then `resolve` it."""
    try:
        return _EPOCH + (wall - _epochs(tz)[wall.toordinal() // _STEADY_DAYS])
    except KeyError:
        return _instant_of_one_offset(wall, tz)


def plain_instants(walls: Sequence[datetime], tz: ZoneInfo) -> list[datetime] | None:
    """Return the instants of naive wall times as `plain_instant` does, or None if one of them has to be resolved.

    This is the fast way for nearly all, since what it needs is kept for each zone and span of days.
    """
    epochs = _epochs(tz)
    try:
        return [_EPOCH + (wall - epochs[wall.toordinal() // _STEADY_DAYS]) for wall in walls]
    except KeyError:
        found = [plain_instant(wall, tz) for wall in walls]
        return None if None in found else [one for one in found if one]


def _instant_of_one_offset(wall: datetime, tz: ZoneInfo) -> datetime | None:
    try:
        first, second = _offsets(wall, tz)
        return (wall - first).replace(tzinfo=UTC, fold=0) if first == second else None
    except (OverflowError, ValueError):
        return None


def is_steady(wall: datetime, tz: ZoneInfo) -> bool:
    """Return whether the offset certainly does not change within 26 hours before and after a wall time."""
    epochs, day = _epochs(tz), wall.toordinal()
    try:
        return epochs[(day - 2) // _STEADY_DAYS] == epochs[(day + 2) // _STEADY_DAYS]
    except KeyError:
        return False


class _Epochs(dict[int, datetime]):
    """By span of days: the wall time of 1970-01-01T00:00Z by its one offset. KeyError: it has several.

    No zone changes its offset twice within so few days, so the same offset at both ends is that of all between.
    Found when first asked for; a zone's spans are forgotten when there are too many of them.
    """

    def __init__(self, tz: ZoneInfo) -> None:
        self._tz = tz

    def __missing__(self, span: int) -> datetime:
        if not _FIRST_SPAN <= span < _LAST_SPAN:
            raise KeyError(span)
        first = span * _STEADY_DAYS
        # At an end that is in a gap or fold itself, one reading is before the change, and the other after it.
        begin = datetime.fromordinal(first)
        end = datetime.combine(date.fromordinal(first + _STEADY_DAYS), _MIDNIGHT_AGAIN)
        offset = self._tz.utcoffset(begin)
        if offset is None or offset != self._tz.utcoffset(end):
            raise KeyError(span)
        if len(self) >= _MOST_SPANS:
            self.clear()
        self[span] = epoch = _epoch_of(offset)
        return epoch


@lru_cache(maxsize=1024)
def _epoch_of(offset: timedelta) -> datetime:
    """One object for all spans of an offset, which is near at hand then."""
    return _WALL_EPOCH + offset


@lru_cache(maxsize=1024)
def _epochs(tz: ZoneInfo) -> _Epochs:
    return _Epochs(tz)


@lru_cache(maxsize=1024)
def wall_of(instant: datetime, tz: ZoneInfo) -> datetime:
    """Return the naive wall time of an instant; at the ends of the calendar, where there is none, that of UTC."""
    try:
        return instant.astimezone(tz).replace(tzinfo=None, fold=0)
    except OverflowError:
        return instant.replace(tzinfo=None)


def shifted(wall: datetime, delta: timedelta) -> datetime:
    """Return the wall time so much later, or the end of the calendar that is nearer."""
    try:
        return wall + delta
    except OverflowError:
        return EARLIEST if delta < timedelta(0) else LATEST


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
