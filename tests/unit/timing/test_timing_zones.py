"""Zones: one canonical name each, from the pinned data, and a helpful word to whoever misses."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from events.timing import TZDATA_VERSION, UnknownZone, canonical_zone, canonical_zones, zone
from events.timing.zone_hints import ABBREVIATIONS, CITY_BY_OFFSET, SAME_PLACE


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("Europe/Oslo", "Europe/Oslo"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("US/Eastern", "America/New_York"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Iceland", "Atlantic/Reykjavik"),
        ("Pacific/Truk", "Pacific/Chuuk"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("GMT", "UTC"),
        ("GMT0", "UTC"),
        ("Etc/GMT", "UTC"),
        ("Etc/GMT-0", "UTC"),
        ("Zulu", "UTC"),
        ("Etc/Universal", "UTC"),
        ("Etc/GMT-3", "Etc/GMT-3"),
        ("europe/berlin", "Europe/Berlin"),
        ("AMERICA/NEW_YORK", "America/New_York"),
        ("utc", "UTC"),
        (" Europe/Paris ", "Europe/Paris"),
    ],
)
def test_a_zone_has_one_canonical_name(given: str, canonical: str) -> None:
    assert canonical_zone(given) == canonical
    assert zone(given).key == canonical


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("EST", ["abbreviation", "America/New_York", "America/Panama", "no daylight saving"]),
        ("est", ["America/New_York"]),
        ("MST", ["America/Denver", "America/Phoenix"]),
        ("HST", ["Pacific/Honolulu"]),
        ("AEST", ["Australia/Sydney", "Australia/Brisbane"]),
        ("EST5EDT", ["America/New_York"]),
        ("CET", ["Europe/Berlin"]),
        ("GMT+3", ["offset", "Etc/GMT-3", "Europe/Istanbul"]),
        ("UTC+2", ["offset", "Etc/GMT-2"]),
        ("+03:00", ["offset", "Etc/GMT-3"]),
        ("-0330", ["offset", "America/St_Johns"]),
        ("+05:45", ["offset", "Asia/Kathmandu"]),
        ("+00:00", ["or UTC"]),
        ("+25:00", ["offset", "Europe/Berlin"]),
        ("Europe/Brelin", ["not an IANA time zone", "Did you mean Europe/Berlin"]),
        ("Berlin", ["Did you mean Europe/Berlin?"]),
        ("New York", ["Did you mean America/New_York?"]),
        ("Factory", ["not an IANA time zone"]),
        ("", ["not an IANA time zone", "Europe/Berlin"]),
        ("../../etc/passwd", ["not an IANA time zone"]),
        ("x" * 5000, ["...", "not an IANA time zone"]),
    ],
)
def test_what_is_not_a_zone_is_refused_with_a_suggestion(given: str, said: list[str]) -> None:
    with pytest.raises(UnknownZone) as caught:
        canonical_zone(given)
    assert caught.value.field == "timezone"
    assert len(str(caught.value)) < 250
    for words in said:
        assert words in str(caught.value)


def test_every_suggestion_is_itself_a_zone() -> None:
    words = " ".join(ABBREVIATIONS.values()).replace(",", " ").split()
    named = (
        [word for word in words if "/" in word] + list(CITY_BY_OFFSET.values()) + list(SAME_PLACE.values())
    )
    assert set(named) <= set(canonical_zones())


@pytest.mark.parametrize("season", [datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)])
def test_the_city_of_an_offset_has_that_offset_now_or_in_the_other_season(season: datetime) -> None:
    for minutes, city in CITY_BY_OFFSET.items():
        offsets = {(season + timedelta(days=days)).astimezone(zone(city)).utcoffset() for days in (0, 181)}
        assert timedelta(minutes=minutes) in offsets, city


def test_the_names_to_choose_from_are_sorted_canonical_and_without_fixed_offsets() -> None:
    names = canonical_zones()
    assert list(names) == sorted(set(names))
    assert len(names) > 400
    assert {"UTC", "Europe/Oslo", "Europe/Kyiv"} <= set(names)
    assert not {name for name in names if name.startswith(("Etc/", "US/"))}
    assert all(canonical_zone(name) == name for name in names)


def test_zones_come_from_the_package_and_never_from_the_machine(tmp_path: Path) -> None:
    (tmp_path / "Asia").mkdir()
    source = files("tzdata.zoneinfo").joinpath("UTC").read_bytes()
    (tmp_path / "Asia" / "Kathmandu").write_bytes(source)
    noon = datetime(2025, 1, 1, tzinfo=UTC)
    zone.cache_clear()
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    try:
        assert noon.astimezone(ZoneInfo.no_cache("Asia/Kathmandu")).utcoffset() == timedelta(0)
        assert noon.astimezone(zone("Asia/Kathmandu")).utcoffset() == timedelta(minutes=345)
    finally:
        zoneinfo.reset_tzpath()


def test_a_zone_is_loaded_once() -> None:
    assert zone("Africa/Casablanca") is zone("Africa/Casablanca")
    assert isinstance(zone("Africa/Casablanca"), ZoneInfo)


def test_the_version_of_the_data_is_a_year_and_a_letter() -> None:
    assert TZDATA_VERSION[:4].isdigit()
    assert TZDATA_VERSION[4:].isalpha()
