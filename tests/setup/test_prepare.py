"""`manage.py prepare`, against both brokers."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from amqp.exceptions import PreconditionFailed
from celery import current_app
from django.core.management import CommandError, call_command
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from kombu import Connection, Queue

from scheduler_project import filebroker
from scheduler_project.celery import DEAD_QUEUE, QUEUES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def on_rabbitmq(rabbitmq_url: str) -> Iterator[str]:
    """This process's app publishes to the private RabbitMQ."""
    with pointed_at(rabbitmq_url, "amqp", {}):
        yield rabbitmq_url


@pytest.fixture
def on_files(tmp_path: Path) -> Iterator[None]:
    filebroker.prepare(tmp_path)
    with pointed_at(
        "filesystem://localhost", "scheduler_project.filebroker:Transport", filebroker.options(tmp_path)
    ):
        yield


class pointed_at:  # noqa: N801 - a context manager
    """The app with another broker."""

    def __init__(self, url: str, transport: str, options: dict[str, object]) -> None:
        self._new = {"broker_url": url, "broker_transport": transport, "broker_transport_options": options}
        self._new |= {"broker_read_url": url, "broker_write_url": url}

    def __enter__(self) -> None:
        self._old = {name: current_app.conf.get(name) for name in self._new}
        current_app.conf.update(self._new)
        current_app.amqp._producer_pool = None

    def __exit__(self, *_: object) -> None:
        current_app.conf.update(self._old)
        current_app.amqp._producer_pool = None


def prepare() -> str:
    out = StringIO()
    call_command("prepare", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.usefixtures("on_files")
def test_it_installs_beats_entries_and_says_so() -> None:
    said = prepare()
    assert "The broker has the queues catchup, dead, live, maintenance, sweep." in said
    assert "Beat will send sweep: recover and dispatch, every minute." in said
    entries = PeriodicTask.objects.values_list("name", "task", "crontab__minute", "crontab__hour")
    assert set(entries) == {
        ("sweep", "punctual.sweep", "*", "*"),
        ("plan", "punctual.plan", "*/5", "*"),
        ("prune", "punctual.prune", "17", "3"),
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("on_files")
def test_a_second_time_it_keeps_what_the_operator_changed() -> None:
    prepare()
    hourly, _ = CrontabSchedule.objects.get_or_create(minute="0", hour="*", timezone="UTC")
    PeriodicTask.objects.filter(name="plan").update(crontab=hourly, enabled=False)
    assert "left as it is" in prepare()
    plan = PeriodicTask.objects.get(name="plan")
    assert plan.crontab == hourly
    assert plan.enabled is False
    assert PeriodicTask.objects.count() == 3


@pytest.mark.django_db
def test_the_queues_of_rabbitmq_are_quorum_queues_with_limits(on_rabbitmq: str) -> None:
    prepare()
    prepare()
    with Connection(on_rabbitmq) as connection:
        for queue in (*QUEUES, DEAD_QUEUE):
            with connection.channel() as channel:
                # the same arguments are accepted, others refused: so these are the ones it has
                queue.bind(channel).declare()
            other = Queue(queue.name, queue.exchange, queue_arguments={"x-queue-type": "classic"})
            with pytest.raises(PreconditionFailed):
                other.bind(connection.channel()).queue_declare()
    assert all(queue.queue_arguments["x-queue-type"] == "quorum" for queue in QUEUES)


@pytest.mark.django_db
def test_without_a_broker_it_says_so() -> None:
    with (
        pointed_at("amqp://guest:hunter2@127.0.0.1:1//", "amqp", {}),
        pytest.raises(CommandError, match="the broker did not declare the queues") as refused,
    ):
        prepare()
    assert "hunter2" not in str(refused.value)
