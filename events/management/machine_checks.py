"""The doctor's look at the machine itself: other processes' clocks, spans without a sweep, and circuit breakers."""

from __future__ import annotations

from datetime import datetime

from events.management.asking import counted
from events.management.findings import Finding, ok, some, warn
from events.queries import breakers as breaker_queries
from events.queries import clocks as clock_queries
from events.queries import downtimes
from events.queries.words import moment_in_words

RUN_NTP = (
    "Run NTP (such as chrony) on both. The database's clock alone decides what is due; a process whose own is wrong "
    "writes wrong times into its logs."
)


def clocks(now: datetime) -> Finding:
    """Does every process's clock agree with the database's, as each has measured?"""
    measured = clock_queries.measured_lately(now=now).count()
    if not measured:
        return ok("clocks", "No process has compared its clock with the database's lately.")
    wrong = clock_queries.wrong_clocks(now=now)
    if wrong:
        return warn("clocks", clock_queries.in_words(wrong), RUN_NTP)
    return ok(
        "clocks", f"{counted(measured, 'process', 'processes')} compared; none is off by over a second."
    )


def downtime(now: datetime) -> Finding:
    """Was there a time in which nobody swept, and is it caught up?"""
    told = downtimes.latest(now=now)
    catching_up = downtimes.waiting_in_words(downtimes.waiting(now=now), now=now)
    if told is None or told.aftermath.is_over:
        says = told.says if told else "There was none in the last seven days."
        return ok("downtime", f"{says} {catching_up}".strip())
    next_step = (
        "Nothing, while sweeps and workers run: each rule's catch-up policy decides. See: manage.py downtimes"
    )
    return warn("downtime", f"{told.says} {catching_up}".strip(), next_step)


def breakers(now: datetime) -> Finding:
    """Which destinations are given a rest?"""
    watched = breaker_queries.not_closed()
    if not watched:
        return ok("breakers", "All are closed: calls are made.")
    told = some([breaker_queries.in_words(each, now=now) for each in watched])
    next_step = (
        "Mend the destination: the next probe that succeeds closes it. At once: manage.py breakers close HANDLER "
        "DESTINATION --reason WHY"
    )
    return warn("breakers", f"{told}.", next_step)


def swept_until(now: datetime) -> str:
    """How far time is swept, as the end of a sentence; "" where nobody ever swept."""
    until = downtimes.swept_until()
    return "" if until is None else f", and time is swept until {moment_in_words(until, now=now)} UTC"
