"""Rules of all frequencies beside libical, the C library behind Evolution and Cyrus: it shares no line with dateutil.

libical 3 leaves the letter of RFC 5545 in a few corners; rules that lead there are not asked about, and `corner` names
each with the section that it leaves. What it calls else, we call the same.
"""

import ctypes
import ctypes.util
from calendar import timegm
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings

from events.timing import InvalidRecurrence, Leap, Policies, Recurrence, check, next_firings, zone
from tests.unit.timing.test_timing_properties import LEAST, STARTS, rrules

MANY = 12
# libical's own calendar ends in 2582.
LATEST = 2500
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
Expand = Callable[[str, datetime], list[datetime]]


def parts_of(rrule: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in rrule.split(";"))


def corner(rrule: str) -> str:
    """Where libical 3 leaves RFC 5545, or "" if it does not."""
    parts = parts_of(rrule)
    freq, days = parts["FREQ"], parts.get("BYMONTHDAY", "")
    corners = {
        "BYSETPOS counts in months of whole days alone (3.3.10: in every interval)": "BYSETPOS" in parts
        and (freq != "MONTHLY" or bool({"BYHOUR", "BYMINUTE"} & parts.keys()) or "-" in days),
        "BYMONTHDAY of a year without BYMONTH is looked up in DTSTART's month (table of 3.3.10)": freq
        == "YEARLY"
        and bool(days)
        and "BYMONTH" not in parts,
        "negative BYMONTHDAY does not limit days (3.3.10: it does)": freq not in {"YEARLY", "MONTHLY"}
        and "-" in days,
        "BYYEARDAY beside another limit of days (note 1 of the table)": "BYYEARDAY" in parts
        and bool({"BYMONTH", "BYMONTHDAY", "BYDAY"} & parts.keys()),
        "an interval of weeks begins after DTSTART's own week (3.3.10: with it)": freq == "WEEKLY"
        and {"INTERVAL", "BYDAY"} <= parts.keys(),
        "days of hours and less are tried one by one, for minutes": freq in {"HOURLY", "MINUTELY", "SECONDLY"}
        and bool({"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY", "BYHOUR", "BYMINUTE"} & parts.keys()),
    }
    return next((sentence for sentence, is_met in corners.items() if is_met), "")


def in_order(rrule: str) -> str:
    """The rule with its hours and minutes in order, as libical wants them."""
    parts = parts_of(rrule)
    for name in ("BYHOUR", "BYMINUTE"):
        if name in parts:
            parts[name] = ",".join(sorted(parts[name].split(","), key=int))
    return ";".join(f"{name}={value}" for name, value in parts.items())


@pytest.fixture(scope="module")
def expand() -> Expand:
    """The first slots of a rule, as libical names them."""
    name = ctypes.util.find_library("ical")
    if name is None:
        pytest.skip("no libical is installed; get it with: apt-get install libical3")
    function = ctypes.CDLL(name).icalrecur_expand_recurrence
    function.argtypes = (
        ctypes.c_char_p, ctypes.c_int64, ctypes.c_int, ctypes.POINTER(ctypes.c_int64),
    )  # fmt: skip

    def expanded(rrule: str, start: datetime) -> list[datetime]:
        found = (ctypes.c_int64 * MANY)()
        function(in_order(rrule).encode(), timegm(start.timetuple()), MANY, found)
        return [datetime.fromtimestamp(one, UTC).replace(tzinfo=None) for one in found if one]

    return expanded


def ours(rrule: str, start: datetime, leap: Leap = Leap.OMIT) -> list[datetime]:
    recurrence, policies = Recurrence(start, rrule), Policies(leap=leap)
    return [one.slot for one in next_firings(recurrence, zone("UTC"), policies, after=EARLIEST, limit=MANY)]


def known(slots: list[datetime]) -> list[datetime]:
    return [slot for slot in slots if slot.year < LATEST]


@given(rrule=rrules(), start=STARTS)
@settings(LEAST, max_examples=300)
def test_libical_names_the_same_slots(expand: Expand, rrule: str, start: datetime) -> None:
    assume(not corner(rrule))
    try:
        check(Recurrence(start, rrule))
    except InvalidRecurrence:
        assume(False)
    assert known(ours(rrule, start)) == known(expand(rrule, start))


@pytest.mark.parametrize("week", [2, 9, 20, 44, 51])
@pytest.mark.parametrize("wkst", ["MO", "SU", "TH"])
@pytest.mark.parametrize("days", ["MO", "SU,WE", "FR"])
def test_libical_names_the_same_weeks_of_the_year(expand: Expand, week: int, wkst: str, days: str) -> None:
    rrule = f"FREQ=YEARLY;BYWEEKNO={week};BYDAY={days};WKST={wkst}"
    start = datetime(2015, 6, 1, 9)
    assert ours(rrule, start) == expand(rrule, start)


@pytest.mark.parametrize("leap", [Leap.OMIT, Leap.BACKWARD, Leap.FORWARD])
@pytest.mark.parametrize(
    ("rrule", "start"),
    [
        ("FREQ=YEARLY", "2020-02-29 09:00"),
        ("FREQ=YEARLY;INTERVAL=3", "2020-02-29 09:00"),
        ("FREQ=MONTHLY", "2021-01-31 09:00"),
        ("FREQ=MONTHLY;INTERVAL=5", "2021-01-31 09:00"),
        ("FREQ=MONTHLY", "2021-01-30 09:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,31", "2021-01-01 09:00"),
    ],
)
def test_libical_moves_missing_days_as_rfc_7529_does(
    expand: Expand, leap: Leap, rrule: str, start: str
) -> None:
    begin = datetime.fromisoformat(start)
    assert ours(f"{rrule};SKIP={leap.upper()}", begin) == expand(
        f"RSCALE=GREGORIAN;{rrule};SKIP={leap.upper()}", begin
    )
