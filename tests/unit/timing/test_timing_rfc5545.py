"""The examples of RFC 5545, 3.8.5.3, one by one, as they are there: DTSTART;TZID=America/New_York, 09:00.

A rule without an end is compared as far as the RFC shows it. Dates are written as year: month/day,day month/day.
"""

from datetime import UTC, datetime, timedelta

import pytest

from events.timing import Firing, Policies, Recurrence, check, next_firings, read_ical, zone
from tests.unit.timing.reading import NEW_YORK

EVERY_DAY_OF_JANUARY = " ".join(
    f"{year}: 1/{','.join(str(day) for day in range(1, 32))}" for year in (1998, 1999, 2000)
)
DAILY_UNTIL_CHRISTMAS = "1997: 9/{} 10/{} 11/{} 12/{}".format(
    ",".join(str(day) for day in range(2, 31)),
    ",".join(str(day) for day in range(1, 32)),
    ",".join(str(day) for day in range(1, 31)),
    ",".join(str(day) for day in range(1, 24)),
)

# DTSTART's date, the rule, and the dates; `...` where the rule goes on.
EXAMPLES = [
    ("19970902", "FREQ=DAILY;COUNT=10", "1997: 9/2,3,4,5,6,7,8,9,10,11"),
    ("19970902", "FREQ=DAILY;UNTIL=19971224T000000Z", DAILY_UNTIL_CHRISTMAS),
    ("19970902", "FREQ=DAILY;INTERVAL=2", "1997: 9/2,4,6,8,10,12,14,16,18,20,22,24,26,28,30 10/2,4,6 ..."),
    ("19970902", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997: 9/2,12,22 10/2,12"),
    (
        "19980101",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        EVERY_DAY_OF_JANUARY,
    ),
    ("19980101", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", EVERY_DAY_OF_JANUARY),
    ("19970902", "FREQ=WEEKLY;COUNT=10", "1997: 9/2,9,16,23,30 10/7,14,21,28 11/4"),
    (
        "19970902",
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997: 9/2,9,16,23,30 10/7,14,21,28 11/4,11,18,25 12/2,9,16,23",
    ),
    (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997: 9/2,16,30 10/14,28 11/11,25 12/9,23 1998: 1/6,20 2/3,17 ...",
    ),
    (
        "19970902",
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997: 9/2,4,9,11,16,18,23,25,30 10/2",
    ),
    ("19970902", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", "1997: 9/2,4,9,11,16,18,23,25,30 10/2"),
    (
        "19970901",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997: 9/1,3,5,15,17,19,29 10/1,3,13,15,17,27,29,31 11/10,12,14,24,26,28 12/8,10,12,22",
    ),
    (
        "19970902",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997: 9/2,4,16,18,30 10/2,14,16",
    ),
    (
        "19970905",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997: 9/5 10/3 11/7 12/5 1998: 1/2 2/6 3/6 4/3 5/1 6/5",
    ),
    ("19970905", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997: 9/5 10/3 11/7 12/5"),
    (
        "19970907",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997: 9/7,28 11/2,30 1998: 1/4,25 3/1,29 5/3,31",
    ),
    ("19970922", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997: 9/22 10/20 11/17 12/22 1998: 1/19 2/16"),
    (
        "19970928",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997: 9/28 10/29 11/28 12/29 1998: 1/29 2/26 ...",
    ),
    (
        "19970902",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997: 9/2,15 10/2,15 11/2,15 12/2,15 1998: 1/2,15",
    ),
    (
        "19970930",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997: 9/30 10/1,31 11/1,30 12/1,31 1998: 1/1,31 2/1",
    ),
    (
        "19970910",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997: 9/10,11,12,13,14,15 1999: 3/10,11,12,13",
    ),
    (
        "19970902",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997: 9/2,9,16,23,30 11/4,11,18,25 1998: 1/6,13,20,27 3/3,10,17,24,31 ...",
    ),
    (
        "19970610",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997: 6/10 7/10 1998: 6/10 7/10 1999: 6/10 7/10 2000: 6/10 7/10 2001: 6/10 7/10",
    ),
    (
        "19970310",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997: 3/10 1999: 1/10 2/10 3/10 2001: 1/10 2/10 3/10 2003: 1/10 2/10 3/10",
    ),
    (
        "19970101",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997: 1/1 4/10 7/19 2000: 1/1 4/9 7/18 2003: 1/1 4/10 7/19 2006: 1/1",
    ),
    ("19970519", "FREQ=YEARLY;BYDAY=20MO", "1997: 5/19 1998: 5/18 1999: 5/17 ..."),
    ("19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997: 5/12 1998: 5/11 1999: 5/17 ..."),
    (
        "19970313",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997: 3/13,20,27 1998: 3/5,12,19,26 1999: 3/4,11,18,25 ...",
    ),
    (
        "19970605",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997: 6/5,12,19,26 7/3,10,17,24,31 8/7,14,21,28 1998: 6/4,11,18,25 7/2,9,16,23,30 8/6,13,20,27 ...",
    ),
    (
        "19970913",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997: 9/13 10/11 11/8 12/13 1998: 1/10 2/7 3/7 4/11 5/9 6/13 ...",
    ),
    (
        "19961105",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996: 11/5 2000: 11/7 2004: 11/2 ...",
    ),
    ("19970904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997: 9/4 10/7 11/6"),
    (
        "19970929",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997: 9/29 10/30 11/27 12/30 1998: 1/29 2/26 3/30 ...",
    ),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997: 8/5,10,19,24"),
    ("19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997: 8/5,17,19,31"),
    ("20070115", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007: 1/15,30 2/15 3/15,30"),
]


def dates(text: str) -> list[str]:
    found: list[str] = []
    year = ""
    for part in text.replace("...", "").split():
        if part.endswith(":"):
            year = part[:-1]
            continue
        month, days = part.split("/")
        found += [f"{year}-{int(month):02}-{int(day):02}" for day in days.split(",")]
    return found


def firings_of(start: str, rrule: str, limit: int, *more: str) -> list[Firing]:
    text = "\n".join([f"DTSTART;TZID={NEW_YORK}:{start}", f"RRULE:{rrule}", *more])
    found = read_ical(text)
    check(found.recurrence)
    after = datetime(1990, 1, 1, tzinfo=UTC)
    return next_firings(found.recurrence, zone(found.timezone), Policies(), after=after, limit=limit)


@pytest.mark.parametrize(("start", "rrule", "expected"), EXAMPLES)
def test_the_rfcs_own_examples(start: str, rrule: str, expected: str) -> None:
    wanted = dates(expected)
    found = firings_of(f"{start}T090000", rrule, len(wanted) + 1)
    assert [str(one.slot) for one in found[: len(wanted)]] == [f"{day} 09:00:00" for day in wanted]
    assert (len(found) > len(wanted)) is expected.endswith("...")
    for one in found:
        local = one.due_at.astimezone(zone(NEW_YORK))
        assert (local.replace(tzinfo=None), one.note) == (one.slot, "")


def test_friday_the_13th_with_dtstart_left_out() -> None:
    left_out = f"EXDATE;TZID={NEW_YORK}:19970902T090000"
    found = firings_of("19970902T090000", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", 5, left_out)
    assert [str(one.slot.date()) for one in found] == dates("1998: 2/13 3/13 11/13 1999: 8/13 2000: 10/13")


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", ["09:00", "12:00", "15:00"]),
        ("FREQ=MINUTELY;INTERVAL=15;COUNT=6", ["09:00", "09:15", "09:30", "09:45", "10:00", "10:15"]),
        ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", ["09:00", "10:30", "12:00", "13:30"]),
    ],
)
def test_the_rfcs_examples_of_a_day(rrule: str, expected: list[str]) -> None:
    # The RFC's text of the first says 17:00, its erratum 3883 that this is 21:00 UTC.
    found = firings_of("19970902T090000", rrule, 10)
    assert [f"{one.slot:%H:%M}" for one in found] == expected


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
    ],
)
def test_every_20_minutes_from_nine_to_twenty_to_five(rrule: str) -> None:
    found = firings_of("19970902T090000", rrule, 49)
    day = [datetime(1997, 9, 2, 9) + timedelta(minutes=20 * n) for n in range(24)]
    assert [one.slot for one in found] == [
        *day,
        *(one + timedelta(days=1) for one in day),
        datetime(1997, 9, 4, 9),
    ]


def test_the_examples_of_the_rules_own_section() -> None:
    # 3.3.10: the last work day of the month, and Sundays of January at two times.
    last = firings_of("19970930T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", 4)
    assert [str(one.slot.date()) for one in last] == dates("1997: 9/30 10/31 11/28 12/31")
    sundays = firings_of(
        "19970105T083000", "FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYDAY=SU;BYHOUR=8,9;BYMINUTE=30", 10
    )
    assert [f"{one.slot:%Y-%m-%d %H:%M}" for one in sundays] == [
        f"{day} {hour}" for day in dates("1997: 1/5,12,19,26 1999: 1/3") for hour in ("08:30", "09:30")
    ]


# --- RFC 7529 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "rrule", "expected"),
    [
        ("20120229", "RSCALE=GREGORIAN;FREQ=YEARLY", "2012: 2/29 2016: 2/29 2020: 2/29"),
        (
            "20120229",
            "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD",
            "2012: 2/29 2013: 3/1 2014: 3/1 2015: 3/1 2016: 2/29 2017: 3/1",
        ),
        (
            "20120229",
            "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD",
            "2012: 2/29 2013: 2/28 2014: 2/28 2015: 2/28 2016: 2/29",
        ),
        ("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT", "2014: 1/31 3/31 5/31 7/31"),
        ("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD", "2014: 1/31 2/28 3/31 4/30 5/31"),
        ("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD", "2014: 1/31 3/1,31 5/1,31 7/1,31"),
        # Two days of the rule that become one are one (4.1), and BYDAY looks at the day that it became.
        ("20140101", "FREQ=MONTHLY;BYMONTHDAY=1,31;SKIP=FORWARD", "2014: 1/1,31 2/1 3/1,31 4/1 5/1"),
        ("20150131", "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=SA;SKIP=BACKWARD", "2015: 1/31 2/28 10/31"),
        ("20140131", "FREQ=MONTHLY;BYMONTHDAY=30,31;BYSETPOS=-1;SKIP=BACKWARD", "2014: 1/31 2/28 3/31 4/30"),
    ],
)
def test_the_gregorian_examples_of_rfc_7529(start: str, rrule: str, expected: str) -> None:
    wanted = dates(expected)
    found = next_firings(
        Recurrence(datetime.fromisoformat(start), rrule),
        zone("UTC"),
        Policies(),
        after=datetime(1990, 1, 1, tzinfo=UTC),
        limit=len(wanted),
    )
    assert [str(one.slot.date()) for one in found] == wanted
