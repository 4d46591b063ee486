"""Wall time -> instant at the nasty hours, under every policy."""

import struct
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.timing import Fold, Gap, OutOfRange, canonical_zones, resolve, walltime, zone

ZONES = st.sampled_from(canonical_zones())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


GAPS = [
    # zone, wall time in the gap, then local times observed for shift, next_valid, previous_valid
    ("America/New_York", "2025-03-09 02:30", "2025-03-09 03:30", "2025-03-09 03:00", "2025-03-09 01:59:59"),
    ("America/New_York", "2025-03-09 02:00", "2025-03-09 03:00", "2025-03-09 03:00", "2025-03-09 01:59:59"),
    (
        "Australia/Lord_Howe",
        "2025-10-05 02:15",
        "2025-10-05 02:45",
        "2025-10-05 02:30",
        "2025-10-05 01:59:59",
    ),
    ("America/Santiago", "2025-09-07 00:00", "2025-09-07 01:00", "2025-09-07 01:00", "2025-09-06 23:59:59"),
    ("Pacific/Apia", "2011-12-30 09:00", "2011-12-31 09:00", "2011-12-31 00:00", "2011-12-29 23:59:59"),
    ("Europe/Dublin", "2025-03-30 01:30", "2025-03-30 02:30", "2025-03-30 02:00", "2025-03-30 00:59:59"),
    ("Africa/Casablanca", "2025-04-06 02:30", "2025-04-06 03:30", "2025-04-06 03:00", "2025-04-06 01:59:59"),
    ("Asia/Kathmandu", "1986-01-01 00:10", "1986-01-01 00:25", "1986-01-01 00:15", "1985-12-31 23:59:59"),
    ("Africa/Cairo", "2025-04-25 00:30", "2025-04-25 01:30", "2025-04-25 01:00", "2025-04-24 23:59:59"),
]


@pytest.mark.parametrize(("name", "wall", "shift", "next_valid", "previous_valid"), GAPS)
def test_a_wall_time_in_a_gap_follows_the_policy(
    name: str, wall: str, shift: str, next_valid: str, previous_valid: str
) -> None:
    tz = zone(name)
    expected = {Gap.SHIFT: shift, Gap.NEXT_VALID: next_valid, Gap.PREVIOUS_VALID: previous_valid}
    for policy, local in expected.items():
        (only,) = resolve(at(wall), tz, gap=policy, fold=Fold.FIRST)
        assert only.due_at.astimezone(tz).replace(tzinfo=None) == at(local), policy
        assert only.fold == 0
        assert only.note.startswith("gap: ")
        assert "does not exist" in only.note
    assert resolve(at(wall), tz, gap=Gap.SKIP, fold=Fold.BOTH) == ()


def test_the_notes_of_a_gap_say_what_was_done() -> None:
    new_york, apia = zone("America/New_York"), zone("Pacific/Apia")

    def note(wall: str, tz: object, gap: Gap) -> str:
        return resolve(at(wall), tz, gap=gap, fold=Fold.FIRST)[0].note  # type: ignore[arg-type]

    assert note("2025-03-09 02:30", new_york, Gap.SHIFT) == "gap: 02:30 does not exist, shifted to 03:30"
    assert (
        note("2025-03-09 02:30", new_york, Gap.NEXT_VALID) == "gap: 02:30 does not exist, moved on to 03:00"
    )
    assert (
        note("2025-03-09 02:30", new_york, Gap.PREVIOUS_VALID)
        == "gap: 02:30 does not exist, moved back to 01:59:59"
    )
    assert (
        note("2011-12-30 09:00", apia, Gap.SHIFT)
        == "gap: 2011-12-30 09:00 does not exist, shifted to 2011-12-31 09:00"
    )


@pytest.mark.parametrize(
    ("name", "wall", "first", "second"),
    [
        ("America/New_York", "2025-11-02 01:30", "2025-11-02 05:30", "2025-11-02 06:30"),
        ("America/New_York", "2025-11-02 01:00", "2025-11-02 05:00", "2025-11-02 06:00"),
        ("Australia/Lord_Howe", "2025-04-06 01:45", "2025-04-05 14:45", "2025-04-05 15:15"),
        ("Europe/Dublin", "2025-10-26 01:30", "2025-10-26 00:30", "2025-10-26 01:30"),
        ("Africa/Casablanca", "2025-02-23 02:30", "2025-02-23 01:30", "2025-02-23 02:30"),
        ("America/Santiago", "2025-04-05 23:30", "2025-04-06 02:30", "2025-04-06 03:30"),
    ],
)
def test_a_wall_time_in_a_fold_follows_the_policy(name: str, wall: str, first: str, second: str) -> None:
    tz = zone(name)
    instants = [at(first).replace(tzinfo=UTC), at(second).replace(tzinfo=UTC)]

    def folds(policy: Fold) -> list[tuple[datetime, int]]:
        return [(one.due_at, one.fold) for one in resolve(at(wall), tz, gap=Gap.SKIP, fold=policy)]

    assert folds(Fold.FIRST) == [(instants[0], 0)]
    assert folds(Fold.SECOND) == [(instants[1], 1)]
    assert folds(Fold.BOTH) == [(instants[0], 0), (instants[1], 1)]


def test_the_notes_of_a_fold_say_which_was_taken() -> None:
    both = resolve(at("2025-11-02 01:30"), zone("America/New_York"), gap=Gap.SHIFT, fold=Fold.BOTH)
    assert [one.note for one in both] == [
        "fold: 01:30 happens twice, the first was taken",
        "fold: 01:30 happens twice, the second was taken",
    ]


@pytest.mark.parametrize("gap", Gap)
@pytest.mark.parametrize("fold", Fold)
@pytest.mark.parametrize(
    "wall",
    ["2025-03-09 01:59:59.999999", "2025-03-09 03:00", "2025-11-02 00:59:59.999999", "2025-11-02 02:00"],
)
def test_the_edges_of_gap_and_fold_are_plain(gap: Gap, fold: Fold, wall: str) -> None:
    (only,) = resolve(at(wall), zone("America/New_York"), gap=gap, fold=fold)
    assert only.note == ""
    assert only.due_at.astimezone(zone("America/New_York")).replace(tzinfo=None) == at(wall)


def test_microseconds_in_a_gap_do_not_move_its_ends() -> None:
    wall, tz = at("2025-03-09 02:30:00.000001"), zone("America/New_York")
    start = datetime(2025, 3, 9, 7, tzinfo=UTC)
    due = {gap: resolve(wall, tz, gap=gap, fold=Fold.FIRST)[0].due_at for gap in Gap if gap is not Gap.SKIP}
    assert due[Gap.NEXT_VALID] == start
    assert due[Gap.PREVIOUS_VALID] == start - timedelta(seconds=1)
    assert due[Gap.SHIFT] == start + timedelta(minutes=30, microseconds=1)


@pytest.mark.parametrize(
    ("wall", "name"),
    [
        (datetime.min, "Asia/Tokyo"),
        (datetime.max, "America/New_York"),
        (datetime.max, "Pacific/Pago_Pago"),
    ],
)
def test_an_instant_outside_the_years_1_to_9999_is_a_domain_error(wall: datetime, name: str) -> None:
    with pytest.raises(OutOfRange) as caught:
        resolve(wall, zone(name), gap=Gap.SHIFT, fold=Fold.FIRST)
    assert caught.value.field == "dtstart"
    assert name in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(name=ZONES, seconds=st.integers(-5_000_000_000, 250_000_000_000), micro=st.integers(0, 999_999))
def test_every_instant_comes_back_from_its_own_wall_time(name: str, seconds: int, micro: int) -> None:
    tz = zone(name)
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micro)
    local = instant.astimezone(tz)
    found = resolve(local.replace(tzinfo=None), tz, gap=Gap.SKIP, fold=Fold.BOTH)
    assert (instant, local.fold) in [(one.due_at, one.fold) for one in found]


@settings(max_examples=150, deadline=None)
@given(
    name=ZONES,
    day=st.datetimes(min_value=at("1900-01-01"), max_value=at("2100-01-01")),
    gap=st.sampled_from([Gap.SHIFT, Gap.NEXT_VALID, Gap.PREVIOUS_VALID]),
)
def test_every_wall_time_has_an_instant_and_a_gap_moves_it_to_its_edge(
    name: str, day: datetime, gap: Gap
) -> None:
    tz = zone(name)
    for wall in _around_changes(day, name):
        for one in resolve(wall, tz, gap=gap, fold=Fold.BOTH):
            local = one.due_at.astimezone(tz).replace(tzinfo=None)
            before = (one.due_at - timedelta(seconds=1)).astimezone(tz).replace(tzinfo=None)
            after = (one.due_at + timedelta(seconds=1)).astimezone(tz).replace(tzinfo=None)
            if not one.note.startswith("gap"):
                assert local == wall
            elif gap is Gap.SHIFT:
                assert local > wall
            elif gap is Gap.NEXT_VALID:
                assert before < wall < local or local == wall
            else:
                assert local < wall < after


def _around_changes(day: datetime, name: str) -> list[datetime]:
    """Wall times around the first change of offset in the two years after `day`."""
    tz = zone(name)
    hours = (day.replace(tzinfo=UTC) + timedelta(days=n) for n in range(730))
    offset = day.replace(tzinfo=UTC).astimezone(tz).utcoffset()
    for instant in hours:
        local = instant.astimezone(tz)
        if local.utcoffset() != offset:
            midnight = local.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
            return [midnight + timedelta(minutes=30 * n + 5) for n in range(-49, 49)]
    return [day]


def test_what_is_kept_of_a_zone_has_a_bound_and_is_found_again() -> None:
    tz, first = zone("Asia/Kolkata"), at("1950-01-01 05:30")
    days = [first + timedelta(days=4 * n) for n in range(walltime._MOST_SPANS + 1)]
    assert walltime.plain_instants(days, tz) == [
        (day - timedelta(hours=5.5)).replace(tzinfo=UTC) for day in days
    ]
    assert len(walltime._epochs(tz)) <= walltime._MOST_SPANS
    assert walltime.plain_instant(first, tz) == datetime(1950, 1, 1, tzinfo=UTC)


def test_near_a_change_a_wall_time_that_there_is_once_is_plain() -> None:
    tz = zone("America/New_York")
    once, never, twice = at("2025-03-09 12:00"), at("2025-03-09 02:30"), at("2025-11-02 01:30")
    assert walltime.plain_instant(once, tz) == datetime(2025, 3, 9, 16, tzinfo=UTC)
    assert walltime.plain_instants([once], tz) == [datetime(2025, 3, 9, 16, tzinfo=UTC)]
    for other in (never, twice, datetime.max):
        assert walltime.plain_instant(other, tz) is None
        assert walltime.plain_instants([once, other], tz) is None


def test_no_zone_of_the_installed_release_changes_its_offset_twice_within_six_days() -> None:
    """On this rest the fast ways, which look at both ends of four days."""
    near = {
        name: later - sooner
        for name in canonical_zones()
        for sooner, later in pairwise(_changes(name))
        if later - sooner < timedelta(days=6).total_seconds()
    }
    assert near == {}
    assert sum(len(_changes(name)) for name in canonical_zones()) > 10_000


def _changes(name: str) -> list[int]:
    """The seconds since 1970 at which a zone's file lists another offset than before (RFC 9636, section 3.2)."""
    data = files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()
    counts = struct.unpack_from(">6l", data, 20)
    begin = 44 + sum(count * size for count, size in zip(counts, (1, 1, 8, 5, 6, 1), strict=True))
    *_, times, kinds, _ = struct.unpack_from(">6l", data, begin + 20)
    at = struct.unpack_from(f">{times}q", data, begin + 44)
    kind = struct.unpack_from(f">{times}B", data, begin + 44 + 8 * times)
    first = begin + 44 + 9 * times
    offsets = [struct.unpack_from(">l", data, first + 6 * each)[0] for each in range(kinds)]
    before = [offsets[0], *(offsets[each] for each in kind)]
    return [second for second, was, each in zip(at, before, kind, strict=False) if offsets[each] != was]
