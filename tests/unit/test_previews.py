"""What is asked for, field by field: what it means, and in which words it is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InvalidField
from events.queries.asked import FIELDS
from events.queries.previews import MOST_FIRINGS, Previewed, asked_of, preview, sentence_of
from events.timing import Fold, Gap, Leap, canonical_zones

NOW = datetime(2025, 10, 25, 23, 30, tzinfo=UTC)
BERLIN = {"timezone": "Europe/Berlin"}
DAILY = {"dtstart": "2025-10-20T02:30", "rrule": "FREQ=DAILY", **BERLIN}
ICS = "DTSTART;TZID=America/New_York:20251101T013000\nRRULE:FREQ=DAILY;COUNT=3"


def found(**fields: Any) -> list[Previewed]:
    return preview(asked_of(fields), now=NOW)


def slots(**fields: Any) -> list[str]:
    return [one["slot"].isoformat() for one in found(**fields)]


def dues(**fields: Any) -> list[str]:
    return [one["due_at"].isoformat() for one in found(**fields)]


def refused(**fields: Any) -> str:
    with pytest.raises(InvalidField) as refusal:
        found(**fields)
    assert str(refusal.value).startswith(f"{refusal.value.field}: ")
    return str(refusal.value)


def test_without_after_it_looks_from_now_on_and_ten_far() -> None:
    assert len(found(**DAILY)) == 10
    assert slots(**DAILY)[0] == "2025-10-26T02:30:00"
    assert [one["due_at"] for one in found(**DAILY, after="2025-10-26T00:30:00Z", limit=1)] == [
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    ]
    assert dues(**DAILY, after="2025-10-26T00:30:01Z", limit=1) == ["2025-10-27T01:30:00+00:00"]
    assert slots(**DAILY, before="2025-10-27T01:30:00Z") == ["2025-10-26T02:30:00"]


def test_after_and_before_are_utc_unless_they_have_an_offset() -> None:
    assert dues(**DAILY, after="2025-11-01", limit=1) == ["2025-11-01T01:30:00+00:00"]
    assert dues(**DAILY, after="2025-11-01T02:30", limit=1) == ["2025-11-02T01:30:00+00:00"]
    assert dues(**DAILY, after="2025-11-01T02:30+01:00", limit=1) == ["2025-11-01T01:30:00+00:00"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"rrule": "RRULE:FREQ=DAILY;COUNT=2"}, "2025-10-26 2025-10-27"),
        ({"rrule": "rrule:freq=daily;count=2"}, "2025-10-26 2025-10-27"),
        ({"rrule": "FREQ=DAILY;COUNT=1\nRRULE:FREQ=WEEKLY;COUNT=2\n"}, "2025-10-26 2025-11-02"),
        ({"rrule": ["FREQ=DAILY;COUNT=1", "FREQ=WEEKLY;COUNT=2"]}, "2025-10-26 2025-11-02"),
        ({"rrule": "FREQ=DAILY;COUNT=3", "exdate": ["2025-10-27"]}, "2025-10-26 2025-10-28"),
        ({"rrule": "FREQ=DAILY;COUNT=1", "rdate": ["2025-12-24", "2025-12-25T08:00Z"]},
            "2025-10-26 2025-12-24 2025-12-25"),
        ({"every": "P2W", "limit": 2}, "2025-10-26 2025-11-09"),
        ({"cron": "0 12 * * SUN", "limit": 2}, "2025-10-26 2025-11-02"),
        ({}, "2025-10-26"),
        ({"gap": None, "fold": None, "leap": None, "rrule": None, "rdate": None, "id": None}, "2025-10-26"),
    ],
)  # fmt: skip
def test_every_kind_of_recurrence(fields: dict[str, Any], expected: str) -> None:
    days = [slot[:10] for slot in slots(dtstart="2025-10-26T12:00", **BERLIN, **fields)]
    assert days == expected.split()


def test_a_date_is_its_midnight() -> None:
    assert slots(dtstart="2025-10-27", **BERLIN) == ["2025-10-27T00:00:00"]


def test_cron_needs_no_first_time_and_obeys_one() -> None:
    assert slots(cron="0 9 * * *", **BERLIN, limit=1) == ["2025-10-26T09:00:00"]
    assert slots(cron="0 9 * * *", dtstart="2026-01-01", **BERLIN, limit=1) == ["2026-01-01T09:00:00"]
    for edge in ("0001-01-01", "9999-12-31T23:59Z"):
        assert len(found(cron="0 9 * * *", **BERLIN, after=edge)) in {0, 10}


def test_once_is_local_or_absolute() -> None:
    assert dues(once="2025-10-26T02:30", **BERLIN) == ["2025-10-26T00:30:00+00:00"]
    assert dues(once="2025-10-26T02:30", **BERLIN, fold="both") == [
        "2025-10-26T00:30:00+00:00",
        "2025-10-26T01:30:00+00:00",
    ]
    (absolute,) = found(once="2025-10-26T01:30:00Z", **BERLIN)
    assert absolute["local"].isoformat() == "2025-10-26T02:30:00+01:00"
    (alone,) = found(once="2025-10-26T02:30:00+01:00")
    assert alone["local"].isoformat() == "2025-10-26T01:30:00+00:00"


def test_an_instant_as_dtstart_goes_with_hours_alone() -> None:
    hours = found(dtstart="2025-10-26T00:15:00Z", every="PT1H", **BERLIN, limit=3)
    assert [one["local"].isoformat()[11:] for one in hours] == [
        "02:15:00+02:00",
        "02:15:00+01:00",
        "03:15:00+01:00",
    ]
    assert "days are counted in wall time" in refused(
        **BERLIN, dtstart="2025-10-26T00:15:00Z", rrule="FREQ=DAILY"
    )


def test_icalendar_text_has_its_own_time_and_zone_unless_it_floats() -> None:
    own = found(ics=ICS, **BERLIN, fold="second")
    assert [one["local"].isoformat() for one in own][1] == "2025-11-02T01:30:00-05:00"
    floating = ICS.replace(";TZID=America/New_York", "")
    assert dues(ics=floating, **BERLIN)[0] == "2025-11-01T00:30:00+00:00"
    assert len(found(ics=ICS, exdate=["2025-11-02"], rdate=["2025-12-24"])) == 3
    assert refused(ics=floating).startswith("timezone: it is missing.")


def test_what_is_over_is_no_mistake_and_what_could_never_fire_is() -> None:
    assert found(dtstart="2020-01-01", rrule="FREQ=DAILY;COUNT=3", **BERLIN) == []
    assert found(**DAILY, before="2025-10-26T00:00Z") == []
    never = {"dtstart": "2020-01-01", "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}
    assert "names no slot in 400 of its years" in refused(**never, **BERLIN)
    assert found(**never, **BERLIN, leap="backward", limit=1) != []
    assert "nothing is left" in refused(dtstart="2026-01-01", **BERLIN, exdate=["2026-01-01"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"dtstart": "9999-12-31T23:00"}, "dtstart"),
        ({"dtstart": "9999-12-31T23:00", "rrule": "FREQ=DAILY"}, "dtstart"),
        ({"dtstart": "9999-12-31T23:00", "rrule": "FREQ=HOURLY"}, "dtstart"),
        ({"dtstart": "9999-12-31T23:00", "exdate": ["2030-01-01"]}, "dtstart"),
        ({"once": "9999-12-31T23:00"}, "once"),
    ],
)
def test_what_lies_outside_the_calendar_in_its_zone_is_a_mistake(fields: dict[str, Any], field: str) -> None:
    assert refused(**fields, timezone="America/New_York").startswith(
        f"{field}: 9999-12-31 23:00:00 in America/New_York lies outside the years 1 to 9999"
    )
    assert len(found(**fields, timezone="UTC")) in {1, 2}


def test_what_never_fires_by_its_policy_or_in_its_span_is_no_mistake() -> None:
    new_york = {"timezone": "America/New_York", "after": "2025-01-01"}
    assert found(once="2025-03-09T02:30", gap="skip", **new_york) == []
    assert found(once="2025-12-24T18:00Z", before="2025-12-01", **new_york) == []
    first_morning = {"dtstart": "0001-01-01T03:00", "timezone": "Asia/Tokyo", "rrule": "FREQ=DAILY"}
    assert found(**first_morning, after="0001-01-01", before="0001-01-01T01:00") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"rrule": "FREQ=DAILY"}, "dtstart: it is missing. Give the first local time"),
        ({"every": "P1D"}, "dtstart: it is missing."),
        ({}, "dtstart: it is missing."),
        ({**DAILY, "timezone": None}, "timezone: it is missing. Give an IANA zone"),
        ({**DAILY, "timezone": "EST"}, "timezone: 'EST' is an abbreviation"),
        ({**DAILY, "timezone": ""}, "timezone: '' is not an IANA time zone"),
        ({**DAILY, "timezone": "Europe/Berlin\0"}, "timezone: 'Europe/Berlin\\x00' is not"),
        ({**DAILY, "dtstart": "tomorrow"}, "dtstart: 'tomorrow' is not a date or time that exists"),
        ({**DAILY, "dtstart": "10000-01-01"}, "dtstart: '10000-01-01' is not"),
        ({**DAILY, "dtstart": ""}, "dtstart: '' is not"),
        ({**DAILY, "rrule": ""}, "rrule: it is empty."),
        ({**DAILY, "rrule": []}, "rrule: it is empty."),
        ({**DAILY, "rrule": ["", " "]}, "rrule: "),
        ({**DAILY, "rrule": [1]}, "rrule: it is not text, or a list of texts."),
        ({**DAILY, "rrule": "FREQ=DAILY;COUNT=2;UNTIL=20300101"}, "rrule: COUNT and UNTIL exclude"),
        ({**DAILY, "rrule": ["FREQ=DAILY"] * 11}, "rrule: there are 11 of them."),
        ({**DAILY, "cron": "* * * * *"}, "cron: rrule and cron exclude each other. Keep one of them"),
        ({**DAILY, "rrule": None, "cron": "soon"}, "cron: "),
        ({**DAILY, "rrule": None, "every": "soon"}, "every: 'soon' is not a duration"),
        ({"once": "2025-02-30", **BERLIN}, "once: '2025-02-30' is not a date or time that exists"),
        ({"once": "0001-01-01T00:00Z"}, "once: 0001-01-01T00:00:00+00:00 is at the end of the calendar"),
        ({"once": "2030-01-01", "dtstart": "2030-01-01", **BERLIN}, "dtstart: once is the time itself."),
        ({"ics": "hello"}, "ics: "),
        ({"ics": ICS, "dtstart": "2030-01-01"}, "dtstart: iCalendar text has its own DTSTART."),
        ({"ics": ICS, "timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not"),
        ({"ics": ICS.replace("New_York", "New_Yrok")}, "ics: its TZID: 'America/New_Yrok' is not an IANA"),
        ({"ics": ICS.replace("DAILY", "DAYLY")}, "ics: its RRULE: FREQ='DAYLY' is not valid"),
        ({**DAILY, "rdate": ["2030-02-30"]}, "rdate: '2030-02-30' is not a date"),
        ({**DAILY, "exdate": ["x"]}, "exdate: 'x' is not a date"),
        ({**DAILY, "exdate": [20300101]}, "exdate: not all of it is text."),
        ({**DAILY, "rdate": "2030-01-01"}, "rdate: it is not a list of texts."),
        ({**DAILY, "rdate": ["2030-01-01"] * 2001}, "rdate: there are 2,001 of them. Keep it to 2,000"),
        ({**DAILY, "gap": "jump"}, "gap: 'jump' is no policy for it. Use shift, next_valid, previous_valid, skip"),
        ({**DAILY, "fold": "third"}, "fold: 'third' is no policy for it. Use first, second, both"),
        ({**DAILY, "leap": ""}, "leap: '' is no policy for it. Use backward, forward, omit"),
        ({**DAILY, "leap": 29}, "leap: it is not text. Give text, or leave it out"),
        ({**DAILY, "after": "yesterday"}, "after: 'yesterday' is not"),
        ({**DAILY, "before": 5.5}, "before: it is not text."),
        ({**DAILY, "before": "2025-10-25T23:30Z"}, "before: 2025-10-25T23:30:00+00:00 is not after"),
        ({**DAILY, "limit": 0}, "limit: 0 is out of range. Give a whole number from 1 to 1,000"),
        ({**DAILY, "limit": MOST_FIRINGS + 1}, "limit: 1001 is out of range."),
        ({**DAILY, "limit": True}, "limit: it is not a whole number."),
        ({**DAILY, "limit": "10"}, "limit: it is not a whole number."),
        ({**DAILY, "rule": "FREQ=DAILY"}, "'rule': there is no such field. Did you mean rrule?"),
        ({**DAILY, "zone": "UTC"}, "'zone': there is no such field. Did you mean timezone?"),
        ({**DAILY, "TimeZone": "UTC"}, "'TimeZone': there is no such field. Did you mean timezone?"),
        ({**DAILY, "z" * 1_000_000: 1}, "'zzz"),
        ({**DAILY, "id": {}}, "id: it is not text, or a number that is kept exactly."),
        ({**DAILY, "id": 1e300}, "id: it is not text, or a number"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_by_its_field(fields: dict[str, Any], expected: str) -> None:
    said = refused(**fields)
    assert said.startswith(expected)
    assert len(said) < 400


@pytest.mark.parametrize("name", ["a", "", 1, 2**63, -1.5, True, None])
def test_an_id_is_any_plain_value(name: object) -> None:
    assert asked_of({"id": name}).id is name


def test_the_sentence_names_the_zone_and_what_happens_in_the_night() -> None:
    asked = asked_of(DAILY | {"gap": "skip", "fold": "both", "timezone": "europe/berlin"})
    assert sentence_of(asked, now=NOW) == (
        "every day at 02:30 in Europe/Berlin; in the spring gap not at all; in the autumn fold both times"
    )
    utc = sentence_of(asked_of(DAILY | {"gap": "skip", "timezone": "UTC"}), now=NOW)
    assert utc == "every day at 02:30 in UTC"  # whose clocks never change
    with pytest.raises(InvalidField, match=r"^ics: "):
        sentence_of(asked_of({"ics": "x"}), now=NOW)


EDGES = [
    "0001-01-01T00:00", "0001-01-01T00:00Z", "0002-01-01", "1900-01-01T00:00:00.5", "2024-02-29", "2025-03-09T02:30",
    "2025-10-26T02:30+02:00", "9998-12-31T23:00:00.999999", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z",
]  # fmt: skip
RRULES = [
    "FREQ=DAILY", "FREQ=HOURLY", "FREQ=SECONDLY;INTERVAL=17", "FREQ=MINUTELY;BYHOUR=23", "FREQ=YEARLY;BYWEEKNO=53",
    "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=50", "FREQ=WEEKLY;UNTIL=99991231T235959Z", "FREQ=DAILY;UNTIL=20300101",
    "FREQ=DAILY;BYSETPOS=-1;BYHOUR=1,2", "FREQ=MONTHLY;INTERVAL=1000", "",
]  # fmt: skip
edges = st.sampled_from(EDGES)


@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "dtstart": edges,
            "timezone": st.sampled_from(
                ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Monrovia"]
            ),
            "rrule": st.sampled_from(RRULES) | st.lists(st.sampled_from(RRULES), max_size=2),
            "cron": st.sampled_from(["* * * * *", "0 0 29 2 *", "0 0 L * *", "*/7 1-3 * * MON#1"]),
            "every": st.sampled_from(["PT1S", "P1Y", "P1000000D", "PT999999999S", "P9999Y", "P1M"]),
            "once": edges,
            "rdate": st.lists(edges, max_size=2),
            "exdate": st.lists(edges, max_size=2),
            "gap": st.sampled_from(Gap).map(str),
            "fold": st.sampled_from(Fold).map(str),
            "leap": st.sampled_from(Leap).map(str),
            "after": edges,
            "before": edges,
            "limit": st.integers(-1, 20),
        },
    )
)
def test_at_the_edges_of_the_calendar_too_it_is_answered_or_refused_by_field(fields: dict[str, Any]) -> None:
    previewed, refused_field = [], None
    try:
        previewed = found(**fields)
    except InvalidField as refusal:
        refused_field = refusal.field
    assert refused_field in {None, *FIELDS}
    assert len(previewed) <= max(fields.get("limit", 10), 0)
    assert previewed == sorted(previewed, key=lambda one: one["due_at"])


@given(
    zone=st.sampled_from(canonical_zones()),
    dtstart=st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2040, 1, 1)),
    rrule=st.sampled_from(
        [
            "FREQ=DAILY",
            "FREQ=HOURLY",
            "FREQ=MINUTELY;INTERVAL=45",
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "FREQ=YEARLY",
        ]
    ),
    gap=st.sampled_from(Gap),
    fold=st.sampled_from(Fold),
    leap=st.sampled_from(Leap),
    after=st.datetimes(min_value=datetime(1960, 1, 1), max_value=datetime(2040, 1, 1)),
)
def test_local_is_due_at_in_the_zone_and_the_slot_where_nothing_is_noted(
    zone: str, dtstart: datetime, rrule: str, gap: Gap, fold: Fold, leap: Leap, after: datetime
) -> None:
    given_ = {"dtstart": dtstart.isoformat(), "timezone": zone, "rrule": rrule, "after": after.isoformat()}
    for one in found(**given_, gap=gap.value, fold=fold.value, leap=leap.value, limit=30):
        assert one["local"].astimezone(UTC) == one["due_at"]
        assert one["local"].utcoffset() == one["due_at"].astimezone(one["local"].tzinfo).utcoffset()
        assert one["note"] or one["local"].replace(tzinfo=None, fold=0) == one["slot"]
