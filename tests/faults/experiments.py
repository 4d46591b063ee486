"""The experiments, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.lifecycle import Reason
from tests.faults import answers, edits, messages, outages, steps
from tests.faults.expectations import SURVIVED, few_hurt, none_for, some_for
from tests.faults.experiment import Experiment
from tests.faults.fleet import MODELS, SWEEPERS, WORKERS
from tests.faults.streams import mix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.faults.experiment import Found, Plan, Step

SPAN = 25


def _moments(random: Random, count: int, *, first: float = 1, last: float = SPAN - 1) -> list[float]:
    """So many random moments, spread over the time in which rows come due."""
    width = (last - first) / count
    return [first + width * (number + random.random()) for number in range(count)]


def _children(random: Random) -> list[Step]:
    return [s for at in _moments(random, 8) for s in steps.child_killed(at, random.choice(WORKERS))]


def _workers(random: Random) -> list[Step]:
    kinds = (steps.killed, steps.main_killed)
    names = random.sample(WORKERS, len(WORKERS))
    return [
        s for at, name in zip(_moments(random, 4), names, strict=True) for s in random.choice(kinds)(at, name)
    ]


def _sweepers(random: Random) -> list[Step]:
    return [
        s for at in _moments(random, 8) for s in steps.killed(at, random.choice(SWEEPERS), back_after=0.5)
    ]


def _beats(random: Random) -> list[Step]:
    at, longer = random.uniform(2, 8), random.uniform(10, 14)
    return [
        *steps.killed(at, "beat-1", back_after=longer),
        *steps.killed(at + 1, "beat-2", back_after=longer),
    ]


def _freezes(random: Random) -> list[Step]:
    first, second = random.sample(WORKERS, 2)
    return [
        *steps.frozen(random.uniform(2, 5), first, 16),
        *steps.frozen(random.uniform(2, 5), second, 18),
        *steps.frozen(random.uniform(6, 9), random.choice(SWEEPERS), 14),
    ]


def _postgres(random: Random) -> list[Step]:
    modes = random.sample(("fast", "immediate") * 10, 20)
    return [
        s
        for at, mode in zip(_moments(random, 20, last=48), modes, strict=True)
        for s in steps.postgres_restarted(at, mode)
    ]


def _clocks(random: Random) -> list[Step]:
    wrong = {"worker-1": 300, "worker-2": -300, "worker-3": -300, "worker-4": 300,
             "sweeper-1": 300, "sweeper-2": -300, "beat-1": -300, "beat-2": 300}  # fmt: skip
    names = random.sample(sorted(wrong), len(wrong))
    return [*(s for name in names for s in steps.clock_moved(0, name, wrong[name])), *steps.clocks_set(35)]


def _at_moments(count: int, make: Callable[[float], list[Step]]) -> Plan:
    """The same step at so many random moments."""

    def plan(random: Random) -> list[Step]:
        return [s for at in _moments(random, count) for s in make(at)]

    return plan


def _tripled(found: Found) -> Iterator[str]:
    if not found.rig.notes["copies"]:
        yield "no message was copied"


def _ended_well(found: Found) -> Iterator[str]:
    for name, code in found.rig.notes["exit codes"].items():
        if code:
            yield f"{name} ended with {code}"


def _sequence(random: Random) -> list[Step]:
    """One of each, in a random order; the broker's early, because its return takes longest."""
    one, other = random.sample(WORKERS[:2], 2)
    faults: list[Callable[[float], list[Step]]] = [
        lambda at: steps.child_killed(at, one),
        lambda at: steps.frozen(at, one, 4),
        lambda at: steps.killed(at, other),
        lambda at: steps.killed(at, random.choice(SWEEPERS), back_after=0.5),
        lambda at: steps.postgres_restarted(at, random.choice(("fast", "immediate"))),
    ]
    random.shuffle(faults)
    faults.insert(random.randrange(3), steps.broker_crashed)
    moments = _moments(random, len(faults), last=9)
    return [s for at, make in zip(moments, faults, strict=True) for s in make(at)]


EXPERIMENTS = (
    Experiment("children", "kill -9 of pool children at random moments", _children,
               (*SURVIVED, some_for(Reason.WORKER_LOST))),
    Experiment("workers", "kill -9 of whole workers, and of main processes alone", _workers, SURVIVED),
    Experiment("sweepers", "kill -9 of sweepers at random moments", _sweepers, SURVIVED),
    Experiment("publish", "sweepers killed between claim and publish", lambda _: steps.never_published(5),
               (*SURVIVED, some_for(Reason.CLAIM_LAPSED))),
    Experiment("beats", "kill -9 of both beats, for longer than a sweep stays awake", _beats,
               (*SURVIVED, none_for(Reason.WORKER_LOST, Reason.CLAIM_LAPSED))),
    Experiment("freezes", "workers and a sweeper frozen past their leases, then going on", _freezes,
               (*SURVIVED, some_for(Reason.WORKER_LOST))),
    Experiment("broker-restarts", "RabbitMQ restarted twice", _at_moments(2, steps.broker_restarted), SURVIVED),
    Experiment("broker-crashes", "RabbitMQ killed with -9 twice", _at_moments(2, steps.broker_crashed), SURVIVED),
    Experiment("purges", "all queues purged, six times", _at_moments(6, steps.queues_purged), SURVIVED),
    Experiment("deletions", "all queues deleted, twice", _at_moments(2, steps.queues_deleted), SURVIVED),
    Experiment("alarm", "RabbitMQ's memory alarm for a minute", lambda _: steps.memory_alarm(4, 60), SURVIVED),
    Experiment("postgres", "PostgreSQL restarted twenty times, half of them as in a crash", _postgres, SURVIVED,
               mix(50), patience=240),
    Experiment("connections", "nobody gets a connection to PostgreSQL, twice for 8 s",
               lambda _: [*steps.connections_taken(3, 8), *steps.connections_taken(16, 8)], SURVIVED),
    Experiment("copies", "every message delivered three times", lambda _: messages.tripled(-1, 32),
               (*SURVIVED, _tripled, none_for(Reason.WORKER_LOST))),
    Experiment("junk", "undecodable, unknown and forged messages in every queue",
               lambda random: [s for at in _moments(random, 4) for s in messages.junk(at, random)],
               (*SURVIVED, none_for(Reason.WORKER_LOST))),
    Experiment("poison", "three rows kill whoever runs them", lambda _: answers.poisoning(),
               (answers.poison_ends, few_hurt), answers.POISONED, patience=300),
    Experiment("answers", "receivers that refuse, throttle, hang, and drop the reply after the effect",
               lambda _: [], (answers.answered, answers.not_sooner, none_for(Reason.WORKER_LOST)), answers.BAD_ANSWERS,
               patience=900, settings={"PUNCTUAL_BREAKER_FAILURES": "0"}),
    Experiment("edits", "deleting, cancelling, pausing, editing and moving while rows come due", edits.changes,
               (edits.obeyed, edits.withdrawn_or_completed, few_hurt), edits.STREAMS),
    Experiment("clocks", "every process five minutes ahead or behind, and then right again", _clocks,
               (*SURVIVED, _ended_well), mix(80)),
    Experiment("rolling", "every process stopped and started under load",
               lambda random: steps.rolled(2, tuple(random.sample(sorted(MODELS), len(MODELS)))),
               (*SURVIVED, _ended_well, none_for(Reason.WORKER_LOST, Reason.CLAIM_LAPSED)), mix(60)),
    *(outages.downtime(policy) for policy in ("all", "latest", "skip")),
    outages.breaker(),
    outages.releases(),
    Experiment("sequence", "one of each kind of crash, in a random order", _sequence, SURVIVED,
               mix(10, slow=400)),
)  # fmt: skip
