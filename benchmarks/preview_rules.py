"""`python -m benchmarks.preview_rules`: how many rules a second `manage.py preview --stdin` answers in one process.

What is measured is the command as a person runs it, from its start to its end: JSON lines in, JSON lines out. Since
starting takes as long for one rule as for all, it is timed on an empty input as well; the rate is that of the
difference of the two medians, and both are printed beside it.

The rules are simple ones: daily, weekly, monthly and yearly in equal parts, as they are written below, in many zones,
with DTSTARTs up to 40 years back, and the next ten firings of each are asked for. None has a COUNT, hours or less,
BYSETPOS, single dates or a calendar; such rules may take longer. The same rules come at every run, for the seed is
fixed. Whatever else the machine does meanwhile is in the figures, so run it alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEED = 2026
NOW = datetime(2026, 11, 22)
DAYS_BACK = 40 * 365
# Where many people live, and where clocks are odd.
ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Kyiv", "Europe/Istanbul",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo",
    "America/Santiago", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Shanghai", "Asia/Dubai",
    "Africa/Cairo", "Africa/Casablanca", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia",
)  # fmt: skip
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def rules(count: int) -> Iterator[dict[str, object]]:
    """Yield so many rules, as the command reads them."""
    chance = random.Random(SEED)
    kinds = (daily, weekly, monthly, yearly)
    for number in range(count):
        start = NOW - timedelta(minutes=chance.randrange(DAYS_BACK * 24 * 60))
        yield {
            "id": number,
            "dtstart": start.isoformat(),
            "timezone": chance.choice(ZONES),
            "rrule": kinds[number % len(kinds)](chance),
            "after": f"{NOW.isoformat()}Z",
            "limit": 10,
        }


def daily(chance: random.Random) -> str:
    """Every day, every few days, or at some hours of them."""
    return chance.choice(
        (
            "FREQ=DAILY",
            f"FREQ=DAILY;INTERVAL={chance.randint(2, 10)}",
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
            f"FREQ=DAILY;BYHOUR={chance.randint(0, 11)},{chance.randint(12, 23)}",
        )
    )


def weekly(chance: random.Random) -> str:
    """Every week or so, on one day or several."""
    days = ",".join(chance.sample(WEEKDAYS, chance.randint(1, 3)))
    return chance.choice(
        (
            "FREQ=WEEKLY",
            f"FREQ=WEEKLY;BYDAY={days}",
            f"FREQ=WEEKLY;INTERVAL={chance.randint(2, 4)};BYDAY={days}",
        )
    )


def monthly(chance: random.Random) -> str:
    """By the day of the month, from its end, or by a weekday of it."""
    return chance.choice(
        (
            "FREQ=MONTHLY",
            f"FREQ=MONTHLY;BYMONTHDAY={chance.choice((1, 15, 31, -1))}",
            f"FREQ=MONTHLY;BYDAY={chance.choice((1, 2, 3, -1))}{chance.choice(WEEKDAYS)}",
            f"FREQ=MONTHLY;INTERVAL={chance.choice((2, 3, 6))}",
        )
    )


def yearly(chance: random.Random) -> str:
    """Every year, on DTSTART's day or another."""
    return chance.choice(
        (
            "FREQ=YEARLY",
            f"FREQ=YEARLY;BYMONTH={chance.randint(1, 12)};BYDAY={chance.choice((1, -1))}{chance.choice(WEEKDAYS)}",
            f"FREQ=YEARLY;BYMONTH={chance.randint(1, 12)};BYMONTHDAY={chance.randint(1, 28)}",
        )
    )


def timed(lines: bytes) -> float:
    """Seconds that the whole process takes; fails unless every line was answered without a refusal."""
    command = [sys.executable, "manage.py", "preview", "--stdin"]
    begin = time.perf_counter()
    ran = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), input=lines, stdout=subprocess.PIPE, check=True
    )
    took = time.perf_counter() - begin
    assert ran.stdout.count(b"\n") == lines.count(b"\n")
    assert b'"error"' not in ran.stdout
    return took


def main() -> None:
    """Measure some runs, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preview_rules", description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000, help="so many of them; 10,000 by default")
    parser.add_argument("--runs", type=int, default=3, help="so many runs; 3 by default")
    parser.add_argument("--write", action="store_true", help="write the lines to standard output instead")
    options = parser.parse_args()
    lines = b"".join(json.dumps(rule).encode() + b"\n" for rule in rules(options.rules))
    if options.write:
        sys.stdout.buffer.write(lines)
        return
    empty = statistics.median(timed(b"") for _ in range(options.runs))
    whole = statistics.median(timed(lines) for _ in range(options.runs))
    print(f"whole process  {whole:.2f} s for {options.rules:,} rules")
    print(f"its start      {empty:.2f} s")
    print(f"rules a second {options.rules / (whole - empty):,.0f}, without its start")


if __name__ == "__main__":
    main()
