"""Personal rules of many kinds: a pattern of each is made as any rule is, and then copied in sets."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from events import operations
from events.management.loads import KIND, NINE, OURS, sets
from events.models import Entity, EveryFrom, Rule

if TYPE_CHECKING:
    from events.management.loads import Tell
    from events.transitions import Origin

PATTERNS: tuple[dict[str, Any], ...] = (
    {"local_time": NINE, "rrule": "FREQ=DAILY"},
    {"local_time": time(18, 30), "rrule": "FREQ=WEEKLY;BYDAY=MO,TH"},
    {"local_time": time(8, 0), "rrule": "FREQ=MONTHLY;BYDAY=-1FR"},
    {"local_time": NINE, "rrule": "FREQ=YEARLY", "anchor": "birthday"},
    {"cron": "15 7 * * MON-FRI"},
    {"local_time": time(6, 0), "every": "PT8H"},
    {"local_time": time(14, 0), "rrule": "FREQ=DAILY", "window": timedelta(hours=3)},
    {"local_time": time(12, 0), "every": "P3D", "every_from": EveryFrom.COMPLETION},
)

# Everything but what is each one's own. What is not planned yet is planned by the next pass.
OWN = {"id", "name", "entity", "draw_seed", "planned_until", "timed_since", "created_at", "updated_at"}
COPIED = ", ".join(f'"{field.column}"' for field in Rule._meta.concrete_fields if field.name not in OWN)

COPY = f"""
INSERT INTO events_rule (name, entity_id, {COPIED})
SELECT pattern.name || ' ' || n, person.id, {COPIED}
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
JOIN unnest(%(patterns)s::bigint[]) WITH ORDINALITY AS chosen(id, place) ON chosen.place - 1 = n %% %(kinds)s
JOIN events_rule pattern ON pattern.id = chosen.id
JOIN loadgen_people person ON person.place = n %% %(people)s
"""  # noqa: S608 - the columns are the model's


def make_rules(count: int, *, handler: str, people: int, origin: Origin, tell: Tell) -> None:
    """So many rules, each for one person and of one kind, in turn. The next plan writes their rows."""
    with transaction.atomic():
        patterns = [_pattern(when, handler, origin) for when in PATTERNS[:count]]
    tell(len(patterns))
    first = len(patterns)
    with connection.cursor() as cursor:
        for start, end in sets(count - first):
            numbers = {"first": first + start, "last": first + end - 1}
            cursor.execute(COPY, {"patterns": patterns, "kinds": len(patterns), "people": people, **numbers})
            tell(end - start)


def _pattern(when: dict[str, Any], handler: str, origin: Origin) -> int:
    number = Rule.objects.filter(OURS).count() + 1
    person = Entity.objects.filter(kind=KIND, deleted_at=None).order_by("id")[0]
    start = None if when.get("anchor") else origin.now.date()
    rule = Rule(name=f"{KIND} {number}: personal", entity=person, start_date=start, handler=handler, **when)
    return operations.create_rule(rule, horizon=timedelta(0), origin=origin).pk
