"""The doctor's look at the database: is it there, is it ours, does its clock agree, and what waits in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
from django.db import Error as DatabaseError
from django.db import connection, transaction

from events import clock, planning
from events.lifecycle import Hold
from events.management import machine_checks, storage_checks
from events.management.asking import counted
from events.management.findings import Finding, fail, ok, sentence_of, some, warn
from events.queries import health
from events.queries.clocks import is_wrong
from events.queries.handlers import offered_handlers, rules_without_handler
from events.timing import TZDATA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_SECONDS = 3
ANSWER_MS = 5000
LONGEST_SILENCE = timedelta(minutes=2)
ZONE_SAMPLES = 24

Look = Callable[[datetime], Finding]


def examine_database() -> Iterator[Finding]:
    """Reachable first; the rest only if it is, because nothing else could be said."""
    reached = reach()
    yield reached
    if reached.next_step:
        for name in LOOKS:
            yield warn(
                name, "Not looked at, because the database does not answer.", "Mend the database first."
            )
        return
    for name, look in LOOKS.items():
        yield _bounded(name, look)


def reach() -> Finding:
    """A connection of its own, within a few seconds: Django's would wait as long as its settings say."""
    try:
        parameters = {**connection.get_connection_params(), "connect_timeout": CONNECT_SECONDS}
        for alien in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(alien, None)
        with psycopg.connect(**parameters) as probe:
            version = probe.info.server_version
    except (DatabaseError, psycopg.Error) as error:
        next_step = "Start PostgreSQL (locally: make up), or correct DATABASE_URL."
        return fail("database", f"PostgreSQL does not answer: {sentence_of(error)}.", next_step)
    return ok("database", f"PostgreSQL {version // 10000}.{version % 10000} answers.")


def _bounded(name: str, look: Look) -> Finding:
    """One look, in a transaction whose statements may not take long: a locked or huge table must not hang a doctor."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {ANSWER_MS}")
            return look(clock.now())
    except DatabaseError as error:
        next_step = "Look at PostgreSQL's log and at pg_stat_activity; then ask again."
        return fail(name, f"The database did not say: {sentence_of(error)}.", next_step)


def migrations(_: datetime) -> Finding:
    """Is the schema this code's?"""
    left = health.unapplied_migrations()
    if left:
        says = f"{counted(len(left), 'migration')} not applied: {some(left)}."
        return fail("migrations", says, "Run: manage.py migrate")
    return ok("migrations", "All migrations are applied.")


def skew(_: datetime) -> Finding:
    """Do the two clocks agree? The database's decides; a worker's own matters to timeouts and to logs."""
    difference = clock.skew()
    milliseconds = difference / timedelta(milliseconds=1)
    says = f"This process's clock differs from the database's by {milliseconds:+.1f} ms."
    if is_wrong(difference):
        return warn("clock", says, machine_checks.RUN_NTP)
    return ok("clock", says)


def zones(now: datetime) -> Finding:
    """Would the database's own zone data show other local times than those that Punctual plans with?"""
    report = health.compare_zones([now + timedelta(days=30.5 * month) for month in range(ZONE_SAMPLES)])
    ours = f"Punctual plans with tzdata {TZDATA_VERSION}"
    where = f"{report.zones} zones at {report.instants} instants of the next two years"
    odd = []
    if report.missing:
        odd.append(f"lacks {counted(len(report.missing), 'zone')} ({some(report.missing)})")
    if report.different:
        odd.append(f"shows other local times in {len(report.different)} ({some(report.different)})")
    if not odd:
        return ok("zone data", f"{ours}; PostgreSQL agrees in all {where}.")
    next_step = (
        "What fires is right. Update PostgreSQL, or its system's tzdata, before SQL reports use AT TIME ZONE."
    )
    return warn("zone data", f"{ours}; of {where} PostgreSQL {' and '.join(odd)}.", next_step)


def releases(_: datetime) -> Finding:
    """Was all that waits resolved with the installed zone data, and is every zone stored under its own name?"""
    unsent = planning.unsent_by_release()
    others = {name: sum(zones.values()) for name, zones in unsent.items() if name != TZDATA_VERSION}
    odd = [
        f"{counted(rows, 'row')} {'was' if rows == 1 else 'were'} resolved with tzdata {name}, "
        f"{TZDATA_VERSION} is installed"
        for name, rows in others.items()
    ]
    stored = planning.stored_zones(unsent)
    odd += [f"{each.name} is kept as {each.canonical} now" for each in stored if each.canonical]
    if odd:
        return warn(
            "zone release", f"{'; '.join(odd)}.", "Run: manage.py tzdata, then manage.py tzdata --apply"
        )
    unknown = [each.name for each in stored]
    if unknown:
        says = f"tzdata {TZDATA_VERSION} has no zone called {some(unknown)}, and somebody is in it."
        return warn("zone release", says, "Give those entities and rules another zone; see: manage.py tzdata")
    return ok("zone release", f"All that is unsent was resolved with tzdata {TZDATA_VERSION}.")


def sweeps(now: datetime) -> Finding:
    """Does anybody look for what is due?"""
    seen = health.last_look()
    next_step = "Start beat and the sweeper (locally: make up), or run: manage.py sweep"
    if seen is None:
        return warn("sweeps", "No sweep has ever run.", next_step)
    says = f"A sweep last looked {_ago(now - seen)} ago{machine_checks.swept_until(now)}."
    return warn("sweeps", says, next_step) if now - seen > LONGEST_SILENCE else ok("sweeps", says)


def overdue(now: datetime) -> Finding:
    """Is what is due being taken?"""
    backlog = health.overdue(now)
    if backlog.oldest is None:
        return ok("overdue", "Nothing that is due waits to be claimed.")
    waited = now - backlog.oldest
    says = f"{counted(backlog.rows, 'row')} due and not yet claimed; the oldest has waited {_ago(waited)}."
    next_step = (
        "See whether sweeps run (above) and workers keep up; manage.py sweep --once takes what is due."
    )
    return warn("overdue", says, next_step) if waited > LONGEST_SILENCE else ok("overdue", says)


def leases(now: datetime) -> Finding:
    """Does recovery run?"""
    backlog = health.lapsed(now)
    if backlog.oldest is None:
        return ok("leases", "No lease has lapsed.")
    waited = now - backlog.oldest
    says = f"{counted(backlog.rows, 'lease')} lapsed and not yet recovered, the oldest {_ago(waited)} ago."
    next_step = "Run: manage.py recover (every sweep does it too)"
    return warn("leases", says, next_step) if waited > LONGEST_SILENCE else ok("leases", says)


def holds(_: datetime) -> Finding:
    """What is kept from firing, and why?"""
    held = health.held()
    if not held:
        return ok("holds", "No row is held back.")
    by_cause = [f"{counted(rows, 'row')} by {cause.value}" for cause, rows in held.items()]
    says = f"Held back: {', '.join(by_cause)}."
    if Hold.HANDLER_MISSING in held:
        next_step = "Install the missing handler again (see: manage.py list_handlers); its rows fire then."
        return warn("holds", says, next_step)
    return ok("holds", says)


def dead_letters(_: datetime) -> Finding:
    """Does anything wait for a person?"""
    dead = health.count_dead_letters()
    if not dead:
        return ok("dead letters", "There is none.")
    says = f"{' and '.join(f'{rows} {state.value}' for state, rows in dead.items())} wait for a person."
    next_step = "Read why in the admin; then manage.py replay, or resolve them in the admin."
    return warn("dead letters", says, next_step)


def rules(_: datetime) -> Finding:
    """Has every live rule a handler?"""
    orphans = rules_without_handler([offer.handler.name for offer in offered_handlers() if offer.handler])
    if not orphans:
        return ok("rules", "Every live rule's handler is installed.")
    named = [f"{name!r} of {counted(number, 'rule')}" for name, number in orphans.items()]
    next_step = "Install them, or give those rules another handler; their rows wait until then."
    return warn("rules", f"Handlers not installed: {some(named)}.", next_step)


LOOKS: dict[str, Look] = {
    "migrations": migrations,
    "clock": skew,
    "clocks": machine_checks.clocks,
    "zone data": zones,
    "zone release": releases,
    "rules": rules,
    "sweeps": sweeps,
    "downtime": machine_checks.downtime,
    "overdue": overdue,
    "leases": leases,
    "holds": holds,
    "breakers": machine_checks.breakers,
    "dead letters": dead_letters,
    "transactions": storage_checks.transactions,
    "vacuum": storage_checks.vacuum,
    "indexes": storage_checks.indexes,
    "log": storage_checks.log,
}


def _ago(span: timedelta) -> str:
    return str(timedelta(seconds=max(round(span.total_seconds()), 0)))
