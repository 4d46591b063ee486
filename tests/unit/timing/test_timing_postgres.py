"""Zones beside an independent oracle: PostgreSQL's AT TIME ZONE, at every change of offset from 1970 to 2037."""

import struct
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from events.timing import Fold, Gap, canonical_zones, resolve, zone
from events.timing.walltime import first_change, is_steady, plain_instant

pytestmark = pytest.mark.django_db

FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2037, 12, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
ZERO = timedelta(0)
# PostgreSQL brings its own data, of another release: where it differs, nothing can be compared.
MOST_OTHERS = 0.02


def written_changes(name: str) -> list[datetime]:
    """The changes in a zone's file (RFC 8536, version 2), before its rule for the future."""
    data = files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()

    def counts(start: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[start + 20 : start + 44])

    isut, isstd, leap, times, types, chars = counts(0)
    second = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    times = counts(second)[3]
    seconds = struct.unpack(f">{times}q", data[second + 44 : second + 44 + 8 * times])
    return [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=one) for one in seconds if one > -(2**40)]


def changes(name: str) -> list[datetime]:
    """All instants from 1970 to 2037 at which the zone's clock jumps."""
    tz = zone(name)
    found = {one for one in written_changes(name) if FIRST <= one < LAST and jumps(tz, one)}
    instant = max(found, default=FIRST)
    while instant < LAST:
        later = instant + WEEK
        if offset(tz, instant) != offset(tz, later):
            found.add(first_change(tz, instant, later))
        instant = later
    return sorted(found)


def offset(tz: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(tz).utcoffset() or timedelta(0)


def jumps(tz: ZoneInfo, instant: datetime) -> bool:
    return offset(tz, instant - timedelta(seconds=1)) != offset(tz, instant)


def near(tz: ZoneInfo, change: datetime) -> list[datetime]:
    """Wall times before, in, and after the gap or fold of a change, and at its edges."""
    before, after = offset(tz, change - timedelta(seconds=1)), offset(tz, change)
    edges = [(change + one).replace(tzinfo=None) for one in (before, after)]
    low, high = min(edges), max(edges)
    second = timedelta(seconds=1)
    return [low - second, low, low + (high - low) / 2, high - second, high, high + timedelta(hours=1)]


def asked(statement: str, zones: list[str], values: list[datetime]) -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [zones, values])
        return [row[0] for row in cursor.fetchall()]


TO_LOCAL = """SELECT at AT TIME ZONE zone
    FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS given(zone, at, nth) ORDER BY nth"""
TO_INSTANT = """SELECT wall AT TIME ZONE zone
    FROM unnest(%s::text[], %s::timestamp[]) WITH ORDINALITY AS given(zone, wall, nth) ORDER BY nth"""


def test_every_change_of_every_zone_is_resolved_as_postgresql_does() -> None:
    whole = {name: changes(name) for name in canonical_zones()}
    assert sum(map(len, whole.values())) > 20_000
    # 1. What the clock shows on both sides of each change: where one differs, its zone's data does.
    sides = [
        (name, change + timedelta(seconds=by))
        for name, all_ in whole.items()
        for change in all_
        for by in (-1, 0)
    ]
    shown = asked(TO_LOCAL, [name for name, _ in sides], [instant for _, instant in sides])
    others = {
        name
        for (name, instant), local in zip(sides, shown, strict=True)
        if instant.astimezone(zone(name)).replace(tzinfo=None, fold=0) != local
    }
    assert len(others) < MOST_OTHERS * len(whole), sorted(others)
    # 2. What instant a wall time is: PostgreSQL shifts over a gap, and takes the second pass of a fold.
    walls = [
        (name, wall)
        for name, all_ in whole.items()
        if name not in others
        for change in all_
        for wall in near(zone(name), change)
    ]
    instants = asked(TO_INSTANT, [name for name, _ in walls], [wall for _, wall in walls])
    for (name, wall), expected in zip(walls, instants, strict=True):
        (ours,) = resolve(wall, zone(name), gap=Gap.SHIFT, fold=Fold.SECOND)
        assert ours.due_at == expected, (name, wall)


def test_what_is_resolved_fast_is_resolved_right() -> None:
    for name in canonical_zones()[::5]:
        tz = zone(name)
        for change in changes(name)[::3]:
            walls = near(tz, change)
            assert all(plain_instant(wall, tz) is None for wall in walls[1:4])
            for wall in walls:
                assert not is_steady(wall + timedelta(hours=25), tz)
                assert not is_steady(wall - timedelta(hours=25), tz)
                for days in (-5, -1, 0, 1, 5):
                    other = wall + timedelta(days=days)
                    plain = plain_instant(other, tz)
                    offsets = [tz.utcoffset(other.replace(fold=fold)) for fold in (0, 1)]
                    assert plain is None or {
                        plain.replace(tzinfo=None) + (one or ZERO) for one in offsets
                    } == {other}


def test_no_zone_changes_its_offset_twice_within_a_few_days() -> None:
    # What the fast way, and the search for a change, count on.
    for name in canonical_zones():
        tz = zone(name)
        found = [one for one in written_changes(name) if one.year > 1 and jumps(tz, one)]
        between = [later - one for one, later in pairwise(found)]
        assert min(between, default=WEEK) > timedelta(days=6), name
