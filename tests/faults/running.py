"""Running one experiment: plan, break, wait until all is quiet, read, judge."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from django.db import DatabaseError, InterfaceError, connections

from events import clock
from events.models import Occurrence, Sweep
from tests.faults import history, load
from tests.faults.checker import ENDED, Violation
from tests.faults.experiment import Found
from tests.faults.judging import Result, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from tests.faults.experiment import Experiment, Step
    from tests.faults.rig import Rig

    class Say(Protocol):
        """How the run tells what it does."""

        def __call__(self, sentence: str, *, lasting: bool = False) -> None: ...


AWAY_SECONDS = 30.0
LOOK_SECONDS = 0.5
DRAIN_SECONDS = 60.0
ASLEEP_SECONDS = 45.0
T = TypeVar("T")


def run(rig: Rig, experiment: Experiment, *, seed: int, rows: int, say: Say) -> Result:
    """The result; raises RuntimeError if the rig itself could not be brought into working order."""
    result = Result(experiment.name, seed)
    began = time.monotonic()
    _wake(rig, experiment, say)
    name = f"{experiment.name}-{began:.0f}"
    address = {"address": rig.receiver.url(""), "elsewhere": rig.elsewhere}
    rig.begin(load.plan(experiment.streams, run=name, rows=rows, **address))
    steps = experiment.schedule(seed)
    try:
        _break(rig, steps, result, say)
        _wait_for_the_end(rig, experiment.patience, say)
        quiet = patiently(clock.now)
        rig.fleet.mend()
        _wait_until_drained(rig, say)
        awake = patiently(_somebody_sweeps)
    finally:
        rig.let_go()
    say("judging")
    found = patiently(lambda: history.read(rig.load.expected, rig.load.kinds, rig.receiver.log))
    if not awake:
        result.violations.append(Violation("asleep", "nobody sweeps any more, though everybody is alive"))
        rig.start_over()
    judge(result, experiment, Found(found, rig, sum(step.hits for step in steps)))
    result.figures |= {name: note for name, note in rig.notes.items() if isinstance(note, int | float)}
    result.figures["settled"] = round((quiet - rig.load.ends_at).total_seconds(), 1)
    result.figures["seconds"] = round(time.monotonic() - began, 1)
    return result


def _wake(rig: Rig, experiment: Experiment, say: Say) -> None:
    """Everybody is alive and somebody sweeps; or nobody is, if the experiment is to begin so."""
    rig.fleet.adopt(experiment.settings)
    if experiment.asleep:
        rig.fleet.close()
        return
    say("waiting for the fleet")
    rig.fleet.mend()
    if not patiently(_somebody_sweeps):
        raise RuntimeError("nobody sweeps, though nothing was broken yet")


def patiently(ask: Callable[[], T]) -> T:
    """The answer of a question to the database, asked again while the database is away."""
    give_up = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return ask()
        except (DatabaseError, InterfaceError):
            connections.close_all()
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)


def _somebody_sweeps() -> bool:
    """Whether anybody looks for what is due, within the time in which somebody must."""
    give_up = time.monotonic() + ASLEEP_SECONDS
    while time.monotonic() < give_up:
        if Sweep.objects.filter(seen_at__gte=clock.now() - timedelta(seconds=6)).exists():
            return True
        time.sleep(0.2)
    return False


def _break(rig: Rig, steps: list[Step], result: Result, say: Say) -> None:
    """Every step at its moment, or as soon after it as the steps before allow."""
    begin = time.monotonic() + (rig.load.begins_at - clock.now()).total_seconds()
    for step in steps:
        while (left := begin + step.at - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
        said = f"{time.monotonic() - begin:5.1f} s  {step.sentence}"
        say(said, lasting=True)
        result.steps.append(said)
        step.act(rig)
    rig.join()


def _unended(rig: Rig) -> int:
    rows = Occurrence.objects.filter(rule_id__in=list(rig.load.expected))
    return rows.exclude(state__in=sorted(ENDED)).count()


def _wait_for_the_end(rig: Rig, patience: float, say: Say) -> None:
    """Until no row has anything before it, or until patience ends."""
    ends = patiently(lambda: (rig.load.ends_at - clock.now()).total_seconds())
    give_up = time.monotonic() + max(0, ends) + patience
    while (left := patiently(lambda: _unended(rig))) and time.monotonic() < give_up:
        say(f"{left} rows to go")
        time.sleep(LOOK_SECONDS)


def _wait_until_drained(rig: Rig, say: Say) -> None:
    """Until no message waits or is worked at, so that nobody acts while the history is read."""
    give_up = time.monotonic() + DRAIN_SECONDS
    while messages := rig.broker.messages("live", "catchup"):
        if time.monotonic() > give_up:
            raise RuntimeError(f"the workers do not come to rest: {messages} messages are left")
        say(f"{messages} messages to go")
        time.sleep(LOOK_SECONDS)
