"""What lives in a Django project: Celery with its result rows, beat's rows, rows of one's own, django-q2.

`prepare`, `fill-KIND ROWS DUE`, `loop`, `qcluster`. A worker is `celery -A django_peer worker`, a beat
`celery -A django_peer beat`.
"""

# mypy: ignore-errors
from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime

import calls
import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_settings")
app = Celery("peers")
app.config_from_object("django.conf:settings", namespace="CELERY")
django.setup()

from django.core.management import call_command, execute_from_command_line  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_celery_beat.models import ClockedSchedule, PeriodicTask, PeriodicTasks  # noqa: E402
from django_q.models import Schedule  # noqa: E402
from jobs.models import Job  # noqa: E402


@app.task(name="noop")
def noop():
    """Nothing; its result row says when."""


@app.task(name="noted", ignore_result=True)
def noted():
    """Nothing, and when it was."""
    calls.note()


@app.task(name="run-job")
def run_job(job_id):
    """A job as a user would write it."""
    job = Job.objects.get(pk=job_id)
    job.status = "done"
    job.done_at = timezone.now()
    job.save()


def q_noop():
    """Nothing; django-q2's row of the task says when."""


def fill_results(rows, due):
    """Messages over one channel, from that instant on."""
    with app.producer_pool.acquire(block=True) as producer:
        producer.connection.connect()
        calls.wait_until(due)
        for _ in range(rows):
            noop.apply_async(producer=producer)


def fill_beat(rows, due):
    """A one-off row of beat's each."""
    clocked = ClockedSchedule.objects.create(clocked_time=datetime.fromtimestamp(due, UTC))
    named = f"{due}"
    PeriodicTask.objects.bulk_create(
        PeriodicTask(name=f"{named} {number}", task="noted", clocked=clocked, one_off=True)
        for number in range(rows)
    )
    PeriodicTasks.update_changed()


def fill_jobs(rows, due):
    """A row of the user's own each."""
    Job.objects.bulk_create(
        (Job(due_at=datetime.fromtimestamp(due, UTC)) for _ in range(rows)), batch_size=5000
    )


def fill_q(rows, due):
    """A schedule of django-q2 each, to be run once."""
    Schedule.objects.bulk_create(
        (
            Schedule(
                func="django_peer.q_noop",
                schedule_type=Schedule.ONCE,
                next_run=datetime.fromtimestamp(due, UTC),
            )
            for _ in range(rows)
        ),
        batch_size=5000,
    )


def loop():
    """Once a second, hand out whatever is due."""
    while True:
        for job in Job.objects.filter(status="new", due_at__lte=timezone.now()):
            job.status = "queued"
            job.save()
            run_job.delay(job.pk)
        time.sleep(1 - time.time() % 1)


FILL = {"fill-results": fill_results, "fill-beat": fill_beat, "fill-jobs": fill_jobs, "fill-q": fill_q}

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            call_command("migrate", run_syncdb=True, verbosity=0)
        case ["loop"]:
            loop()
        case ["qcluster"]:
            execute_from_command_line(["django_peer.py", "qcluster"])
        case [verb, rows, due]:
            FILL[verb](int(rows), float(due))
