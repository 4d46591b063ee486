"""What can be done to processes and servers."""

from __future__ import annotations

import glob
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from kombu import Connection

from events.errors import PunctualError
from tests.faults.experiment import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.rig import Rig

ALARM, CALM = "1MB", "1GB"
WRONG_CLOCK = Path(__file__).parent / "wrong_clock"
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
QUEUES = ("live", "catchup", "sweep", "maintenance")


def child_killed(at: float, name: str) -> list[Step]:
    """kill -9 to the children of one member."""
    hits = int(name.startswith("worker"))
    return [Step(at, f"kill -9 the child of {name}", lambda rig: rig.fleet.kill_child(name), hits)]


def main_killed(at: float, name: str) -> list[Step]:
    """kill -9 to a member's main process alone; a successor soon."""
    hits = int(name.startswith("worker"))
    return [
        Step(at, f"kill -9 the main process of {name}", lambda rig: rig.fleet.kill_main(name), hits),
        _back(at + 1, name),
    ]


def killed(at: float, name: str, *, back_after: float = 1) -> list[Step]:
    """kill -9 to all of a member; a successor soon."""
    hits = int(name.startswith("worker"))
    return [
        Step(at, f"kill -9 all of {name}", lambda rig: rig.fleet.kill(name), hits),
        _back(at + back_after, name),
    ]


def _back(at: float, name: str) -> Step:
    return Step(at, f"{name} is started anew", lambda rig: rig.fleet.start(name))


def frozen(at: float, name: str, seconds: float) -> list[Step]:
    """SIGSTOP to all of a member, and SIGCONT later."""
    hits = int(name.startswith("worker"))
    return [
        Step(at, f"{name} is frozen for {seconds:.0f} s", lambda rig: rig.fleet.freeze(name), hits),
        Step(at + seconds, f"{name} goes on", lambda rig: rig.fleet.thaw(name)),
    ]


def broker_restarted(at: float) -> list[Step]:
    """The node is told to end, and started again."""

    def act(rig: Rig) -> None:
        rig.join()
        rig.broker.kill()
        rig.aside(rig.broker.start)

    return [Step(at, "RabbitMQ is restarted", act)]


def broker_crashed(at: float) -> list[Step]:
    """kill -9 to the node, and its return."""

    def act(rig: Rig) -> None:
        rig.join()
        rig.broker.crash()
        rig.aside(rig.broker.start)

    return [Step(at, "RabbitMQ is killed with -9, and started again", act)]


def queues_purged(at: float) -> list[Step]:
    """Whatever waits in the queues is gone."""

    def act(rig: Rig) -> None:
        with Connection(rig.broker.url) as connection, connection.channel() as channel:
            rig.notes["purged"] = sum(channel.queue_purge(queue) for queue in QUEUES)

    return [Step(at, "all queues are purged", act)]


def queues_deleted(at: float) -> list[Step]:
    """The queues themselves are gone."""

    def act(rig: Rig) -> None:
        with Connection(rig.broker.url) as connection, connection.channel() as channel:
            for queue in QUEUES:
                channel.queue_delete(queue)

    return [Step(at, "all queues are deleted", act)]


def memory_alarm(at: float, seconds: float) -> list[Step]:
    """RabbitMQ believes that its memory is full, and takes no message."""

    def mark(rig: Rig, memory: str) -> None:
        rig.broker.control("set_vm_memory_high_watermark", "absolute", memory)

    return [
        Step(at, f"RabbitMQ's memory alarm for {seconds:.0f} s", lambda rig: mark(rig, ALARM)),
        Step(at + seconds, "the memory alarm ends", lambda rig: mark(rig, CALM)),
    ]


def postgres_restarted(at: float, mode: str) -> list[Step]:
    """PostgreSQL ends all sessions (`fast`), or as in a crash (`immediate`), and comes back."""

    def act(rig: Rig) -> None:
        rig.postgres.restart(mode)

    return [Step(at, f"PostgreSQL is restarted, {mode}", act, hits=4)]


def connections_taken(at: float, seconds: float) -> list[Step]:
    """Everybody is thrown out of PostgreSQL, and no connection is left to come back with."""

    def connect(rig: Rig) -> psycopg.Connection:
        made = psycopg.connect(rig.postgres.url, autocommit=True, application_name="faults")
        return rig.held.enter_context(made)

    def take(rig: Rig) -> None:
        taken = [connect(rig)]
        give_up = time.monotonic() + 3
        while time.monotonic() < give_up:
            taken[0].execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND application_name <> 'faults'"
            )
            with suppress(psycopg.OperationalError):
                while True:
                    taken.append(connect(rig))
            time.sleep(0.1)
        rig.notes["connections"] = len(taken)

    return [
        Step(at, f"all connections of PostgreSQL are taken for {seconds:.0f} s", take, hits=4),
        Step(at + seconds, "the connections are given back", lambda rig: rig.let_go()),
    ]


class NoFaketime(PunctualError):
    """No libfaketime is installed, which makes clocks wrong; get it with: apt-get install faketime"""


def faketime() -> str:
    """The path of libfaketime; raises NoFaketime."""
    for found in glob.glob(FAKETIME):
        return found
    raise NoFaketime


def clock_moved(at: float, name: str, seconds: int) -> list[Step]:
    """A member is replaced, without violence, by one whose clock is wrong."""
    wrong = {
        "PYTHONPATH": str(WRONG_CLOCK),
        "LD_PRELOAD": faketime(),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

    def act(rig: Rig) -> None:
        rig.notes.setdefault("exit codes", {}).update(rig.fleet.stop(name))
        rig.fleet.start(name, odd=wrong)

    return [Step(at, f"{name} goes on with its clock {seconds:+d} s off", act)]


def rolled(at: float, names: Sequence[str]) -> list[Step]:
    """SIGTERM to one after the other, and a successor for each before the next."""
    return [
        Step(at, f"{name} is told to end, and started anew", partial(_replaced, name=name)) for name in names
    ]


def _replaced(rig: Rig, name: str) -> None:
    rig.notes.setdefault("exit codes", {}).update(rig.fleet.stop(name))
    rig.fleet.start(name)
    rig.fleet.wait_until_ready(name)


def never_published(at: float) -> list[Step]:
    """Sweepers claim, hang in publishing because the broker is frozen, and are killed there."""

    def act(rig: Rig) -> None:
        from events.lifecycle import State
        from events.models import Occurrence

        rows = Occurrence.objects.filter(rule_id__in=list(rig.load.expected), state=State.PENDING)
        rig.broker.freeze()
        give_up, claimed, before = time.monotonic() + 15, 0, -1
        while time.monotonic() < give_up and not (0 < claimed == before):
            before = claimed
            time.sleep(1)
            claimed = rows.count()
        for name in rig.fleet.names:
            if name.startswith("sweeper"):
                rig.fleet.kill(name)
                rig.fleet.start(name)
        rig.notes["claimed"] = claimed
        rig.broker.thaw()

    return [Step(at, "the broker is frozen, and the sweepers are killed between claim and publish", act)]


def clocks_set(at: float) -> list[Step]:
    """Everybody with a wrong clock is replaced, without violence, by one with the right time."""
    return [Step(at, "every clock is set right", lambda rig: rig.fleet.mend())]
