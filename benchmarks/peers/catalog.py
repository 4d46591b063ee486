"""The peers, each with two worker processes and set up for throughput as its own documentation advises."""

from __future__ import annotations

from benchmarks.peers.peer import WORKERS, Peer

CELERY_OPTIONS = ("--loglevel", "ERROR", "--without-gossip", "--without-mingle")


def celery_worker(module: str) -> tuple[str, ...]:
    """A Celery worker with two child processes."""
    return ("-m", "celery", "-A", module, "worker", "--concurrency", f"{WORKERS}", *CELERY_OPTIONS)


BEAT = ("-m", "celery", "-A", "django_peer", "beat", "--loglevel", "ERROR", "--pidfile", "",
        "--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--max-interval", "1")  # fmt: skip
OPTIMIZING = "https://docs.celeryq.dev/en/stable/userguide/optimizing.html"
PREFETCH = "prefork, prefetch 128 a process, no task events"
DONE_RESULTS = "django_celery_results_taskresult WHERE status = 'SUCCESS'"

PROCRASTINATE = Peer(
    name="procrastinate",
    title="procrastinate",
    package="procrastinate",
    room="python",
    prepare=("procrastinate_peer.py", "prepare"),
    fill=("procrastinate_peer.py", "fill"),
    processes=(("procrastinate_peer.py", "work"),) * WORKERS,
    done="procrastinate_jobs WHERE status = 'succeeded'",
    history="jobs and events",
    batch="no",
    advice="async jobs, concurrency 10 a process, deferred in batches, polled every 0.1 s",
    page="https://procrastinate.readthedocs.io/en/stable/howto/production/concurrency.html",
    fills=3_000,
    most=20_000,
)

PGQUEUER = Peer(
    name="pgqueuer",
    title="pgqueuer",
    package="pgqueuer",
    room="python",
    prepare=("pgqueuer_peer.py", "prepare"),
    fill=("pgqueuer_peer.py", "fill"),
    processes=(("pgqueuer_peer.py", "work"),) * WORKERS,
    done="pgqueuer_log WHERE status = 'successful'",
    history="log",
    batch="fetches 1,000",
    advice="asyncpg in a pool, uvloop, batch size 1,000, durable tables",
    page="https://janbjorge.github.io/pgqueuer/guides/performance-tuning/",
)

CELERY = Peer(
    name="celery",
    title="Celery, nothing kept",
    package="celery",
    room="python",
    prepare=("celery_peer.py", "prepare"),
    fill=("celery_peer.py", "fill"),
    processes=(celery_worker("celery_peer"),),
    history="no",
    batch="no",
    advice=f"{PREFETCH}, results ignored; one process publishes when they are due",
    page=OPTIMIZING,
    needs_broker=True,
    publishes=True,
)

CELERY_RESULTS = Peer(
    name="celery-results",
    title="Celery, django-celery-results",
    package="django-celery-results",
    room="python",
    prepare=("django_peer.py", "prepare"),
    fill=("django_peer.py", "fill-results"),
    processes=(celery_worker("django_peer"),),
    done=DONE_RESULTS,
    history="result rows",
    batch="no",
    advice=f"{PREFETCH}, a result row a job; one process publishes when they are due",
    page="https://django-celery-results.readthedocs.io/en/latest/getting_started.html",
    most=20_000,
    needs_broker=True,
    publishes=True,
)

CELERY_ETA = Peer(
    name="celery-eta",
    title="Celery, ETA",
    package="celery",
    room="python",
    prepare=("celery_peer.py", "prepare"),
    fill=("celery_peer.py", "fill-eta"),
    processes=(celery_worker("celery_peer"),),
    history="no",
    batch="no",
    advice=f"{PREFETCH}; published beforehand, kept in the workers' memory until they are due",
    page="https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown",
    fills=1_000,
    needs_broker=True,
)

CELERY_BEAT = Peer(
    name="celery-beat",
    title="django-celery-beat, a row a job",
    package="django-celery-beat",
    room="python",
    prepare=("django_peer.py", "prepare"),
    fill=("django_peer.py", "fill-beat"),
    processes=(celery_worker("django_peer"), BEAT),
    history="no",
    batch="no",
    advice="one-off clocked rows, a beat that looks every second; its cost grows with the square of the rows",
    page="https://django-celery-beat.readthedocs.io/en/latest/",
    most=2_000,
    needs_broker=True,
)

DJANGO = Peer(
    name="django",
    title="what a Django user would build",
    package="celery",
    room="python",
    prepare=("django_peer.py", "prepare"),
    fill=("django_peer.py", "fill-jobs"),
    processes=(celery_worker("django_peer"), ("django_peer.py", "loop")),
    done=DONE_RESULTS,
    history="job and result rows",
    batch="no",
    advice="a loop over what is due, once a second; a task, a saved row and a result row a job",
    page="https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html",
    most=5_000,
    needs_broker=True,
)

APSCHEDULER = Peer(
    name="apscheduler",
    title="APScheduler 3",
    package="apscheduler",
    room="python",
    prepare=("apscheduler_peer.py", "prepare"),
    fill=("apscheduler_peer.py", "fill"),
    processes=(("apscheduler_peer.py", "work"),),
    history="no",
    batch="no",
    advice="its store in PostgreSQL, 20 threads, no misfire grace; one process, for a store must not be shared",
    page="https://apscheduler.readthedocs.io/en/3.x/userguide.html",
    fills=250,
    most=5_000,
    fills_first=True,
)

DJANGO_Q2 = Peer(
    name="django-q2",
    title="django-q2",
    package="django-q2",
    room="python",
    prepare=("django_peer.py", "prepare"),
    fill=("django_peer.py", "fill-q"),
    processes=(("django_peer.py", "qcluster"),),
    done="django_q_task WHERE success",
    history="task rows",
    batch="fetches 100",
    advice="two workers, the ORM as its broker, bulk 100, polled every 0.1 s, all tasks kept",
    page="https://django-q2.readthedocs.io/en/master/configure.html",
    most=2_000,
)

GRAPHILE = Peer(
    name="graphile",
    title="graphile-worker, a job at a time",
    package="graphile-worker",
    room="node",
    prepare=("graphile_peer.mjs", "prepare"),
    fill=("graphile_peer.mjs", "fill"),
    processes=(("graphile_peer.mjs", "work", "single"),) * WORKERS,
    left="graphile_worker._private_jobs",
    history="no, rows are deleted",
    batch="no",
    advice="24 jobs at once a process, polled every 0.1 s",
    page="https://worker.graphile.org/docs/performance",
)

GRAPHILE_BATCH = Peer(
    name="graphile-batch",
    title="graphile-worker, local queue",
    package="graphile-worker",
    room="node",
    prepare=("graphile_peer.mjs", "prepare"),
    fill=("graphile_peer.mjs", "fill"),
    processes=(("graphile_peer.mjs", "work", "batch"),) * WORKERS,
    left="graphile_worker._private_jobs",
    history="no, rows are deleted",
    batch="fetches 500, completes together",
    advice="24 jobs at once a process, localQueue 500, completeJobBatchDelay 0, polled every 0.1 s",
    page="https://worker.graphile.org/docs/performance#batching",
)

PGBOSS = Peer(
    name="pgboss",
    title="pg-boss",
    package="pg-boss",
    room="node",
    prepare=("pgboss_peer.mjs", "prepare"),
    fill=("pgboss_peer.mjs", "fill"),
    processes=(("pgboss_peer.mjs", "work"),) * WORKERS,
    done="pgboss.job WHERE state = 'completed'",
    history="finished rows",
    batch="1,000 a call of the handler",
    advice="batchSize 1,000, polled every 0.5 s (the least it takes), notifyWorker after a full batch",
    page="https://timgit.github.io/pg-boss/#/./api/workers",
)

PEERS = (
    GRAPHILE_BATCH, PGBOSS, PGQUEUER, GRAPHILE, CELERY, CELERY_ETA, APSCHEDULER, PROCRASTINATE, CELERY_RESULTS,
    DJANGO, DJANGO_Q2, CELERY_BEAT,
)  # fmt: skip
