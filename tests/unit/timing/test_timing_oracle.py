"""Rules of days and more beside a second implementation: slow, day by day, straight from the table of RFC 5545.

It asks of each single day whether the rule has it, and shares nothing with what it checks but the calendar.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from hypothesis import assume, given
from hypothesis import strategies as st

from events.timing import InvalidRecurrence, Leap, Policies, Recurrence, check, firings, zone
from tests.unit.timing.test_timing_properties import LEAST, STARTS, WEEKDAYS, rrules

DAYS = 1500


class SlowRule:
    """An RRULE as a question about single days."""

    def __init__(self, rrule: str, start: datetime, leap: Leap) -> None:
        self.parts = dict(part.split("=") for part in rrule.split(";"))
        self.start, self.leap = start, leap
        self.freq = self.parts["FREQ"]
        self.wkst = WEEKDAYS.index(self.parts.get("WKST", "MO"))

    def numbers(self, name: str) -> list[int]:
        return [int(one) for one in self.parts[name].split(",")] if name in self.parts else []

    def week_start(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - self.wkst) % 7)

    def period(self, day: date) -> int:
        """The number of the year, month, week or day."""
        if self.freq == "YEARLY":
            return day.year
        if self.freq == "MONTHLY":
            return day.year * 12 + day.month
        return (self.week_start(day) if self.freq == "WEEKLY" else day).toordinal() // (
            7 if self.freq == "WEEKLY" else 1
        )

    def week_number(self, day: date) -> tuple[int, int]:
        fourth = self.week_start(day) + timedelta(days=3)
        first = self.week_start(date(fourth.year, 1, 4))
        after = self.week_start(date(fourth.year + 1, 1, 4))
        nth = (self.week_start(day) - first).days // 7
        return nth + 1, nth - (after - first).days // 7

    def monthdays(self, year: int, month: int) -> set[date]:
        """The days of a month's BYMONTHDAY, or of DTSTART, after SKIP."""
        length = monthrange(year, month)[1]
        given = self.numbers("BYMONTHDAY") or [self.start.day]
        found = {date(year, month, n if n > 0 else length + 1 + n) for n in given if -length <= n <= length}
        if any(n > length for n in given):
            last = date(year, month, length)
            if self.leap is Leap.BACKWARD:
                found.add(last)
            elif self.leap is Leap.FORWARD:
                found.add(last + timedelta(days=1))
        return found

    def is_weekday(self, day: date) -> bool:
        for item in self.parts["BYDAY"].split(","):
            nth, name = int(item[:-2] or 0), item[-2:]
            if WEEKDAYS[day.weekday()] != name:
                continue
            by_month = self.freq == "MONTHLY" or "BYMONTH" in self.parts
            first = day.replace(day=1) if by_month else date(day.year, 1, 1)
            length = (
                monthrange(day.year, day.month)[1] if by_month else 365 + (monthrange(day.year, 2)[1] == 29)
            )
            place = (day - first).days
            if nth in {0, place // 7 + 1, -((length - 1 - place) // 7 + 1)}:
                return True
        return False

    def days_of(self, year: int, month: int) -> set[date]:
        """What a month of a YEARLY or MONTHLY rule gives, also beyond its end."""
        if self.numbers("BYMONTH") and month not in self.numbers("BYMONTH"):
            return set()
        all_days = {date(year, month, n + 1) for n in range(monthrange(year, month)[1])}
        others = {"BYDAY", "BYYEARDAY", "BYWEEKNO"} & self.parts.keys()
        found = self.monthdays(year, month) if "BYMONTHDAY" in self.parts or not others else all_days
        if self.freq == "YEARLY" and not others and not {"BYMONTH", "BYMONTHDAY"} & self.parts.keys():
            found = found if month == self.start.month else set()
        return {day for day in found if self.passes(day)}

    def passes(self, day: date) -> bool:
        yeardays, weeks = self.numbers("BYYEARDAY"), self.numbers("BYWEEKNO")
        nth = day.timetuple().tm_yday
        length = date(day.year, 12, 31).timetuple().tm_yday
        if yeardays and not {nth, nth - length - 1} & set(yeardays):
            return False
        if weeks and not set(self.week_number(day)) & set(weeks):
            return False
        return "BYDAY" not in self.parts or self.is_weekday(day)

    def days(self, period: list[date]) -> list[date]:
        """What one period of the rule names, its days given."""
        if self.freq in {"YEARLY", "MONTHLY"}:
            months = sorted({(day.year, day.month) for day in period})
            return sorted(set().union(*(self.days_of(*one) for one in months)))
        months_given, monthdays = self.numbers("BYMONTH"), self.numbers("BYMONTHDAY")
        found = []
        for day in period:
            length = monthrange(day.year, day.month)[1]
            if months_given and day.month not in months_given:
                continue
            if monthdays and not {day.day, day.day - length - 1} & set(monthdays):
                continue
            by_start = self.freq == "WEEKLY" and "BYDAY" not in self.parts
            if day.weekday() == self.start.weekday() if by_start else self.passes(day):
                found.append(day)
        return found

    def slots(self) -> list[datetime]:
        """The slots of the first years."""
        begin = self.start.date()
        first = begin.replace(month=1, day=1) - timedelta(days=7)
        periods: dict[int, list[date]] = {}
        for n in range(DAYS + 800):
            day = first + timedelta(days=n)
            periods.setdefault(self.period(day), []).append(day)
        interval = int(self.parts.get("INTERVAL", "1"))
        times = [
            self.start.replace(hour=hour, minute=minute).time()
            for hour in sorted(self.numbers("BYHOUR")) or [self.start.hour]
            for minute in sorted(self.numbers("BYMINUTE")) or [self.start.minute]
        ]
        found: set[datetime] = set()
        for number, days in periods.items():
            if (number - self.period(begin)) % interval == 0 and number >= self.period(begin):
                named = [datetime.combine(day, clock) for day in self.days(days) for clock in times]
                positions = self.numbers("BYSETPOS") or range(1, len(named) + 1)
                found |= {named[n - 1 if n > 0 else n] for n in positions if abs(n) <= len(named)}
        counted = sorted(slot for slot in found if slot >= self.start)
        return counted[: int(self.parts.get("COUNT", len(counted)))]


@LEAST
@given(
    rrule=rrules("DAILY"),
    start=STARTS,
    leap=st.sampled_from(Leap),
    weeks=st.sampled_from(["", "1", "20,53", "-1"]),
)
def test_we_agree_with_the_slow_way(rrule: str, start: datetime, leap: Leap, weeks: str) -> None:
    if weeks and rrule.startswith("FREQ=YEARLY") and "BYDAY" not in rrule:
        rrule = f"{rrule};BYWEEKNO={weeks};BYDAY=MO,TH"
    try:
        check(Recurrence(start, rrule), Policies(leap=leap))
    except InvalidRecurrence:
        assume(False)
    end = start + timedelta(days=DAYS)
    window = {"after": start.replace(tzinfo=UTC), "before": end.replace(tzinfo=UTC)}
    found = islice(firings(Recurrence(start, rrule), zone("UTC"), Policies(leap=leap), **window), 20_000)
    assert [one.slot for one in found] == [
        slot for slot in SlowRule(rrule, start, leap).slots() if slot < end
    ]
