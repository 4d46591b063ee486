"""A cron expression as English words."""

from __future__ import annotations

from datetime import time

from events.timing.cron_text import Cron
from events.timing.word_parts import (
    clock,
    clock_list,
    in_order,
    listed,
    month_names,
    monthday_names,
    weekday_names,
)

_MOST_NAMED = 6


def cron_words(cron: Cron) -> str:
    """Return what an expression names: "every weekday at 09:00", "every 15 minutes"."""
    days, times = _days(cron), _times(cron)
    months = f" in {month_names(cron.months)}" if len(cron.months) < 12 else ""
    if times.startswith("every"):
        return f"{times}{'' if days == 'every day' else f', {days}'}{months}"
    return f"{days}{months} {times}"


def _times(cron: Cron) -> str:
    if len(cron.hours) * len(cron.minutes) <= _MOST_NAMED:
        return clock_list([time(hour, minute) for hour in cron.hours for minute in cron.minutes])
    minutes = _minutes(cron.minutes)
    if cron.is_every_hour:
        return minutes
    step = 24 // len(cron.hours)
    if len(cron.minutes) == 1 and cron.hours == tuple(range(cron.hours[0], 24, step)):
        return f"every {step} hours from {clock(time(cron.hours[0], cron.minutes[0]))} on"
    first, last = cron.hours[0], cron.hours[-1]
    if len(cron.hours) == last - first + 1:
        return f"{minutes}, from {first:02}:00 to {last:02}:59"
    return f"{minutes}, while the hour is {listed(map(str, cron.hours), 'or')}"


def _minutes(minutes: tuple[int, ...]) -> str:
    if len(minutes) == 60:
        return "every minute"
    step = 60 // len(minutes)
    if minutes == tuple(range(0, 60, step)) and 60 % step == 0:
        return f"every {step} minutes" if step < 60 else "every hour"
    return f"every hour at minute {listed(map(str, minutes))}"


def _days(cron: Cron) -> str:
    by_month = _monthdays(cron) if len(cron.monthdays) < 31 else ""
    every_weekday = {(0, day) for day in range(7)} <= cron.weekdays
    if every_weekday or not cron.weekdays:
        return f"on {by_month} of the month" if by_month else "every day"
    if not by_month:
        article = "on the " if any(nth for nth, _ in cron.weekdays) else ""
        return f"on {weekday_names(cron.weekdays, article='the ')}" if article else _every(cron)
    if cron.either_day:
        return f"on {by_month} of the month, or on {weekday_names(cron.weekdays, 'or', article='the ')}"
    return f"on {by_month} of the month if it is {weekday_names(cron.weekdays, 'or', article='the ')}"


def _every(cron: Cron) -> str:
    return f"every {weekday_names(cron.weekdays)}"


def _monthdays(cron: Cron) -> str:
    said = [monthday_names(cron.monthdays)] if cron.monthdays else []
    nearest = (day for day in in_order(cron.nearest) if day != -1)
    said += [f"the weekday nearest to {monthday_names((day,))}" for day in nearest]
    if -1 in cron.nearest:
        said.append("the last weekday")
    return listed(said)
