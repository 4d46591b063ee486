"""`python -m benchmarks.planning [--people N]`: how long the planner takes, on a private PostgreSQL.

Three plans, by `plan_due_rules` as the planner's own task calls it, so with as many planners beside each other as the
setting PUNCTUAL_PLANNERS says; the log row of every planned row is written:

- birthdays: one rule for all people, on their birthdays at 09:00, of the next two days; then the same span again, in
  which nothing is new; then the pass after it, which finds nothing to plan.
- daily: one rule for all people, every day at 09:00 in their own zones, of one day: a row for each of them.
- personal: a tenth as many rules of mixed kinds, each with a person of its own, of the next two days; then the same
  span again.

People live in many zones, and are of all ages. They are made by SQL, the same ones at every run. What is new is timed
in a span of its own each time, so each run writes as many rows as the first. `python` and `database` are the CPU
seconds of this process and of all processes of PostgreSQL; unlike the seconds that went by, they say little about what
else the machine does meanwhile. The figures are of the run that took least.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from benchmarks import cpu
from benchmarks.stack import prepare, server_folder, servers

NOW = datetime(2027, 3, 1, 10, 30, tzinfo=UTC)
DAY, NINE = timedelta(days=1), wall_time(9)
# Where many people live, by millions; and where clocks are odd.
ZONES = {
    "Asia/Kolkata": 140, "Asia/Shanghai": 140, "America/New_York": 17, "America/Chicago": 10, "America/Denver": 3,
    "America/Los_Angeles": 6, "America/Sao_Paulo": 20, "America/Mexico_City": 10, "America/Bogota": 5,
    "America/Argentina/Buenos_Aires": 5, "America/Santiago": 2, "America/Toronto": 3, "America/St_Johns": 1,
    "Europe/London": 7, "Europe/Berlin": 8, "Europe/Paris": 7, "Europe/Madrid": 5, "Europe/Rome": 6,
    "Europe/Kyiv": 4, "Europe/Istanbul": 8, "Europe/Moscow": 10, "Africa/Cairo": 11, "Africa/Lagos": 22,
    "Africa/Casablanca": 4, "Africa/Johannesburg": 6, "Africa/Nairobi": 5, "Asia/Tokyo": 12, "Asia/Jakarta": 18,
    "Asia/Karachi": 24, "Asia/Dhaka": 17, "Asia/Tehran": 9, "Asia/Kathmandu": 3, "Asia/Dubai": 1, "Asia/Manila": 11,
    "Australia/Sydney": 2, "Australia/Lord_Howe": 1, "Pacific/Auckland": 1, "Pacific/Apia": 1, "Pacific/Chatham": 1,
    "UTC": 1,
}  # fmt: skip

PEOPLE = """
INSERT INTO events_entity (kind, external_id, name, timezone, attributes, leap, version, created_at)
SELECT 'person', 'p' || n, 'Person ' || n, (%(zones)s::text[])[1 + mod(n * 7919, cardinality(%(zones)s::text[]))::int],
       jsonb_build_object('birthday', (date '1940-01-01' + mod(n * 104729, 29000)::int)::text,
                          'email', 'p' || n || '@example.com'), '', 1, %(now)s - interval '10 days'
FROM generate_series(1, %(count)s::bigint) AS n
"""

# A sixth of each kind. Their times are on five minutes, and they began within the last three years.
PERSONAL = """
WITH one AS (
    SELECT e.id, row_number() OVER (ORDER BY e.id) AS n FROM events_entity e WHERE kind = 'person' ORDER BY id
    LIMIT %(count)s
), kind AS (SELECT one.*, mod(n, 6)::int AS kind, mod(n * 31, 7)::int AS weekday FROM one)
INSERT INTO events_rule (
    name, entity_id, start_date, anchor, local_time, rrule, cron, every, state, audience_kind, audience_filter,
    timezone, gap, fold, leap, handler, payload, snapshot, max_attempts, backoff_base, backoff_cap, grace,
    anchor_offset_days, version
)
SELECT 'personal ' || n, id,
       CASE WHEN kind <> 5 THEN (%(now)s::date - 10 - mod(n * 17, 1000)::int) END,
       CASE WHEN kind = 5 THEN 'birthday' ELSE '' END,
       time '00:00' + mod(n * 13, 288) * interval '5 minutes',
       CASE kind WHEN 0 THEN 'FREQ=DAILY'
                 WHEN 1 THEN 'FREQ=WEEKLY;BYDAY=' || (ARRAY['MO','TU','WE','TH','FR','SA','SU'])[1 + weekday]
                 WHEN 2 THEN 'FREQ=MONTHLY;BYMONTHDAY=' || 1 + mod(n * 11, 31)
                 WHEN 5 THEN 'FREQ=YEARLY' ELSE '' END,
       CASE WHEN kind = 3 THEN mod(n * 5, 12) * 5 || ' ' || mod(n * 7, 24) || ' * * MON-FRI' ELSE '' END,
       CASE WHEN kind = 4 THEN (ARRAY['PT12H', 'P2D', 'PT36H', 'P3D', 'P1W'])[1 + mod(n, 5)::int] ELSE '' END,
       'active', '', '{}', '', 'shift', 'first', '', 'log', '{"text": "A thought."}', false, 5, interval '10 seconds',
       interval '1 hour', interval '5 minutes', 0, 1
FROM kind
"""


class Took(NamedTuple):
    """The rows that were written, the seconds that went by, and the CPU seconds of this process and of PostgreSQL."""

    rows: int
    seconds: float
    python: float
    database: float


def measure(people: int, runs: int) -> dict[str, list[Took]]:
    """By what was planned: each run."""
    rules = people // 10
    _sql(PEOPLE, zones=[zone for zone, share in ZONES.items() for _ in range(share)], count=people)
    _rule(anchor="birthday", rrule="FREQ=YEARLY")
    figures = _measured("birthdays, two days", runs, 2 * DAY)
    _rule(start_date=NOW.date() - 10 * DAY, rrule="FREQ=DAILY")
    figures |= _measured("daily for all, one day", runs, DAY)
    _retire()
    _sql(PERSONAL, count=rules)
    return figures | _measured(f"{rules:,} personal rules, two days", runs, 2 * DAY)


def _measured(what: str, runs: int, horizon: timedelta) -> dict[str, list[Took]]:
    found: dict[str, list[Took]] = {what: [], f"{what}: again": [], f"{what}: next pass": []}
    for run in range(runs):
        now = NOW + run * horizon
        _settle()
        found[what].append(_took(now, horizon))
        _sql("UPDATE events_rule SET planned_until = %(now)s WHERE state = 'active'", now=now)
        _settle()
        found[f"{what}: again"].append(_took(now, horizon))
        found[f"{what}: next pass"].append(_took(now, horizon))
    return found


def _took(now: datetime, horizon: timedelta) -> Took:
    from django.conf import settings

    from events import planning
    from events.transitions import Origin

    origin, planners = Origin("engine:benchmark", uuid4(), now), settings.PUNCTUAL_PLANNERS
    served, used, begin = _served(), time.process_time(), time.perf_counter()
    rows = planning.plan_due_rules(horizon=horizon, planners=planners, origin=origin)
    seconds = time.perf_counter() - begin
    return Took(rows, seconds, time.process_time() - used, _served() - served)


def _served() -> float:
    """CPU seconds of all processes of PostgreSQL, of those that have ended too."""
    return cpu.by_root(server_folder())[cpu.DATABASE]


def _rule(**fields: object) -> None:
    """The one live rule, for all people at 09:00, of which nothing is planned yet."""
    from events.models import Rule

    _retire()
    Rule.objects.create(name=f"{uuid4()}", audience_kind="person", local_time=NINE, handler="log", **fields)


def _retire() -> None:
    _sql("UPDATE events_rule SET state = 'retired'")


def _settle() -> None:
    """Statistics and a checkpoint first: nothing that was written before is paid for by what is timed."""
    _sql("VACUUM ANALYZE events_entity, events_rule, events_occurrence, events_transition")
    _sql("CHECKPOINT")


def _sql(statement: str, **parameters: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": NOW, **parameters})


def main() -> None:
    """Measure, print a table, write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="so many of them; 1,000,000 by default")
    parser.add_argument("--runs", type=int, default=3, help="so many runs; 3 by default")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    with servers():
        prepare()
        runs = measure(options.people, options.runs)
    figures = {name: min(each, key=lambda took: took.seconds) for name, each in runs.items()}
    _print(figures, options.people)
    if options.json:
        options.json.write_text(json.dumps({name: took._asdict() for name, took in figures.items()}) + "\n")


def _print(figures: dict[str, Took], people: int) -> None:
    table = Table(title=f"Planning for {people:,} people")
    for heading in ("planned", "rows", "seconds", "rows/s", "python s", "database s"):
        table.add_column(heading, justify="left" if heading == "planned" else "right")
    for name, took in figures.items():
        rate = f"{took.rows / took.seconds:,.0f}" if took.rows else ""
        table.add_row(
            name, f"{took.rows:,}", f"{took.seconds:.3f}", rate, f"{took.python:.2f}", f"{took.database:.2f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
