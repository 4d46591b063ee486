"""The doctor's look at how PostgreSQL keeps what is stored: does anything make it grow, or slow, without need?"""

from __future__ import annotations

from datetime import datetime, timedelta

from events.management.asking import counted
from events.management.findings import Finding, ok, some, warn
from events.queries import storage
from events.transitions.months import months_of_log

LONGEST_TRANSACTION = timedelta(minutes=5)
# A table may have so large a share of dead rows, if there are so many at all.
MOST_DEAD, LEAST_DEAD = 0.2, 50_000
# Autovacuum looks once a minute, and takes its time over a large table.
TIMES_DUE, LONGEST_UNTIDY = 3, timedelta(minutes=15)
# An entry of ours takes 20 to 60 bytes; an index that was full once takes more, and every search walks it.
LEAST_INDEX, MOST_PER_ENTRY = 64_000_000, 400
LEAST_AHEAD = timedelta(days=20)


def transactions(now: datetime) -> Finding:
    """Does a transaction keep PostgreSQL from removing what is dead?"""
    found = storage.open_transactions(longest=LONGEST_TRANSACTION, now=now)
    if not found:
        return ok("transactions", "None is open for longer than five minutes.")
    told = [
        f"pid {each.pid} ({each.application or 'unnamed'}, {each.state}, {_whole(each.age)})"
        if each.pid
        else f"{each.application} ({_whole(each.age)})"
        for each in found
    ]
    oldest = found[0]
    end = (
        f"End it: SELECT pg_terminate_backend({oldest.pid});"
        if oldest.pid
        else "End it: ROLLBACK PREPARED, by its name."
    )
    says = f"{counted(len(found), 'transaction')} open for longer than five minutes: {some(told)}."
    return warn("transactions", says, f"While it lasts, nothing that died since can be removed. {end}")


def vacuum(now: datetime) -> Finding:
    """Are dead rows removed as fast as they come?"""
    for table in sorted(storage.tidiness(), key=lambda each: -each.dead_share):
        says = f"{table.table} has {table.dead:,} dead rows beside {table.live:,} living ones"
        if table.due is None:
            next_step = f"ALTER TABLE {table.table} RESET (autovacuum_enabled); and see: SHOW autovacuum;"
            return warn("vacuum", f"Autovacuum is off; {says}.", next_step)
        vacuumed = (
            f"vacuumed {_whole(now - table.vacuumed_at)} ago" if table.vacuumed_at else "never vacuumed"
        )
        is_old = table.vacuumed_at is None or now - table.vacuumed_at > LONGEST_UNTIDY
        if table.dead > LEAST_DEAD and table.dead_share > MOST_DEAD:
            return warn("vacuum", f"{says}, {vacuumed}.", _vacuum_next(table.table))
        if table.dead > max(TIMES_DUE * table.due, LEAST_DEAD) and is_old:
            says = f"Autovacuum is behind: {says}, {vacuumed}; it is due from {table.due:,} on"
            return warn("vacuum", f"{says}.", _vacuum_next(table.table))
    return ok("vacuum", "Dead rows are few, and are removed.")


def _vacuum_next(table: str) -> str:
    return (
        f"See that no transaction stays open (above); then VACUUM (VERBOSE) {table}; and give autovacuum more to "
        "spend: autovacuum_vacuum_cost_limit, autovacuum_max_workers."
    )


def indexes(_: datetime) -> Finding:
    """Is an index much larger than what is in it?"""
    swollen = [
        each
        for each in storage.large_indexes(least=LEAST_INDEX)
        if each.size > MOST_PER_ENTRY * max(each.entries, 1)
    ]
    if not swollen:
        return ok("indexes", "None is larger than what is in it.")
    told = [f"{each.name} ({each.size / 1e6:,.0f} MB for {each.entries:,} entries)" for each in swollen]
    next_step = f"Run beside the work: REINDEX INDEX CONCURRENTLY {swollen[0].name};"
    return warn("indexes", f"Larger than what is in them: {some(told)}.", next_step)


def log(now: datetime) -> Finding:
    """Are the log's next months there?"""
    last = months_of_log()[-1]
    if last.ends - now < LEAST_AHEAD:
        says = f"The last month of the log is {last}; what comes after it lies unsorted until its month is opened."
        return warn("log", says, "Run: manage.py prepare")
    return ok("log", f"Its months reach up to {last}.")


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=max(round(span.total_seconds()), 0))
