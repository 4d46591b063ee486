"""`manage.py prepare`: at every deploy, before the first process starts."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from kombu.exceptions import OperationalError

from events import clock
from events.transitions.months import months_of_log, open_months

# name: (minute, hour), and what it is for
CADENCE = {
    "sweep": ("*", "*", "recover and dispatch, every minute"),
    "plan": ("*/5", "*", "write the rows of the coming hours, every five minutes"),
    "prune": ("17", "3", "forget old sweeps and clocks, every day"),
}


class Command(BaseCommand):
    """Idempotent; an operator's changed cadence stays."""

    help = (
        "Declare the queues on the broker, open the log's next months, and install beat's entries where they are "
        "missing."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Queues first: a message published before its queue exists is lost."""
        self._declare_queues()
        open_months(clock.now())
        self.stdout.write(f"The log has its months up to {months_of_log()[-1]}.")
        for name, (minute, hour, purpose) in CADENCE.items():
            self._install(name, minute, hour, purpose)

    def _declare_queues(self) -> None:
        queues = list(current_app.amqp.queues.values())
        dead = current_app.conf.punctual_dead_queue
        try:
            with current_app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=3, interval_start=1, timeout=20)
                with connection.channel() as channel:
                    for queue in (*queues, dead):
                        queue.bind(channel).declare()
        except (OperationalError, *current_app.connection_for_write().channel_errors) as error:
            raise CommandError(f"the broker did not declare the queues: {error}") from error
        names = ", ".join(sorted(queue.name for queue in (*queues, dead)))
        self.stdout.write(f"The broker has the queues {names}.")

    def _install(self, name: str, minute: str, hour: str, purpose: str) -> None:
        entry = PeriodicTask.objects.filter(name=name).first()
        if entry is not None:
            self.stdout.write(f"Beat has {name} already: its cadence is left as it is.")
            return
        crontab, _ = CrontabSchedule.objects.get_or_create(
            minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
        )
        PeriodicTask.objects.create(name=name, task=f"punctual.{name}", crontab=crontab, description=purpose)
        self.stdout.write(f"Beat will send {name}: {purpose}.")
