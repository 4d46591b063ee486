"""Steps that put messages into the broker which nobody meant: copies, and junk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kombu import Connection, Producer

from tests.faults.experiment import Step

if TYPE_CHECKING:
    from random import Random

    from tests.faults.rig import Rig

LANES = ("live", "catchup", "sweep")


def tripled(at: float, seconds: float) -> list[Step]:
    """Every message is delivered three times for a while."""

    def begin(rig: Rig) -> None:
        rig.broker.control("trace_on")
        told = rig.folder / "copies"
        process = rig.program("tests.faults.copies", rig.broker.url, str(told))
        rig.notes["copier"] = process

    def end(rig: Rig) -> None:
        rig.notes["copier"].terminate()
        rig.notes["copier"].wait(30)
        rig.broker.control("trace_off")
        rig.notes["copies"] = int((rig.folder / "copies").read_text())

    return [
        Step(at, "from now on every message is delivered three times", begin),
        Step(at + seconds, "messages are delivered once again", end),
    ]


def junk(at: float, random: Random) -> list[Step]:
    """One message of each wrong kind into each queue that is consumed."""
    offset = random.randrange(1000)

    def act(rig: Rig) -> None:
        with Connection(rig.broker.url) as connection:
            producer = Producer(connection.channel())
            for lane in LANES:
                for body, properties in _bodies(rig, offset):
                    producer.publish(body, routing_key=lane, **properties)
                    rig.notes["junk"] = rig.notes.get("junk", 0) + 1

    return [Step(at, "junk is put into every queue", act)]


def _bodies(rig: Rig, offset: int) -> list[tuple[Any, dict[str, Any]]]:
    from events.models import Occurrence

    rows = Occurrence.objects.filter(rule_id__in=list(rig.load.expected)).order_by("id")
    ids = list(rows.values_list("id", flat=True)[offset % rows.count() :][:50])
    order = {
        "v": 1,
        "token": str(uuid4()),
        "correlation_id": str(uuid4()),
        "handler": "faults-effect",
        "ids": ids,
    }
    json = {"content_type": "application/json", "content_encoding": "utf-8"}
    return [
        (b"\x80\x81 not JSON", json | {"headers": {"task": "punctual.execute", "id": str(uuid4())}}),
        (b"{}", json),
        (b"\x80\x04N.", {"content_type": "application/x-python-serialize", "content_encoding": "binary",
                         "headers": {"task": "punctual.execute", "id": str(uuid4())}}),
        _task("punctual.nothing", order),
        _task("punctual.execute", order | {"v": 99}),
        _task("punctual.execute", order | {"handler": "nobody"}),
        _task("punctual.execute", {"v": 1}),
        # real rows under a token that no claim ever had
        _task("punctual.execute", order),
    ]  # fmt: skip


def _task(name: str, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    headers = {"lang": "py", "task": name, "id": str(uuid4()), "argsrepr": "", "kwargsrepr": "", "retries": 0}
    return [[], kwargs, {}], {"serializer": "json", "headers": headers}
