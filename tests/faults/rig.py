"""The rig: servers, fleet and receiver under one roof, and how one experiment is run on them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.fleet import MODELS, ROOT, Fleet
from tests.faults.servers import servers
from tests.harness.guard import Guard
from tests.harness.rabbitmq import free_ports
from tests.receiver import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.faults.load import Load
    from tests.faults.servers import BreakableNode, DurablePostgres
    from tests.receiver import Receiver

HANDLERS = (
    "handlers.webhook.handler.WebhookHandler",
    "tests.faults.handlers.EffectHandler",
    "tests.faults.handlers.CallHandler",
    "tests.faults.handlers.HookHandler",
)
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
    "SECRET_KEY": "for breaking things alone, and long enough for every check there is",
    "PUNCTUAL_ENV_FILE": "",
    "PUNCTUAL_HANDLERS": ",".join(HANDLERS),
    "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    # Short leases and a quick tick, so that recovery is quick; what is promised does not depend on them.
    "PUNCTUAL_CLAIM_LEASE_SECONDS": "10",
    "PUNCTUAL_RUN_LEASE_MARGIN_SECONDS": "2",
    "PUNCTUAL_SWEEP_SECONDS": "5",
    "PUNCTUAL_WORKERS": "4",
}
OWN_TABLE = "CREATE TABLE faults_effect (key uuid, occurrence_id bigint, at timestamptz)"


@dataclass
class Rig:
    """Everything that can be broken, and what steps hold for a while. `elsewhere` is an address that nobody has."""

    postgres: DurablePostgres
    broker: BreakableNode
    fleet: Fleet
    receiver: Receiver
    elsewhere: str
    folder: Path
    variables: dict[str, str]
    held: ExitStack = field(default_factory=ExitStack)
    notes: dict[str, Any] = field(default_factory=dict)
    _hand: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _aside: Future[object] | None = None

    @property
    def load(self) -> Load:
        """What the experiment of now has planned."""
        load: Load = self.notes["load"]
        return load

    def begin(self, load: Load) -> None:
        """Forget the experiment before, and remember what this one has planned."""
        self.notes = {"load": load}

    def start_over(self) -> None:
        """End the fleet, and have beat forget what it knows; for when the fleet does not recover by itself."""
        self.fleet.close()
        _tick_often()

    def let_go(self) -> None:
        """End whatever a step holds."""
        self.held.close()

    def aside(self, act: Callable[[], object]) -> None:
        """Do something that takes long while the steps go on."""
        self._aside = self._hand.submit(act)

    def join(self) -> None:
        """Wait until it is done; raises what it raised."""
        if self._aside is not None:
            self._aside.result()
            self._aside = None

    def program(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a Python program of the rig's own beside the fleet; it is ended when the experiment is over."""
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.variables,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        guard = Guard(process.pid, None, signal="TERM")

        def end() -> None:
            process.terminate()
            process.wait(30)
            guard.release()

        self.held.callback(end)
        return process


@contextmanager
def rig(names: Iterable[str] = MODELS) -> Iterator[Rig]:
    """A rig whose database and broker are prepared, and whose fleet of these members is started, not yet ready."""
    with ExitStack() as stack:
        postgres, broker = stack.enter_context(servers())
        folder = Path(stack.enter_context(_folder()))
        web, flower, other = free_ports(3)
        own = SETTINGS | {
            "DATABASE_URL": postgres.url,
            "CELERY_BROKER_URL": broker.url,
            "PUNCTUAL_VAR": str(folder),
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
        }
        os.environ.update(own)
        _prepare()
        receiver = stack.enter_context(running(folder / "calls.jsonl"))
        variables = dict(os.environ)
        fleet = Fleet(variables, folder / "logs", names)
        stack.callback(fleet.close)
        fleet.start(*fleet.names)
        made = Rig(postgres, broker, fleet, receiver, f"http://127.0.0.1:{other}", folder, variables)
        stack.callback(made.let_go)
        yield made


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="punctual-faults-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / "logs").mkdir()
        (Path(folder) / "calls.jsonl").touch()
        yield folder


def _prepare() -> None:
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    with open(os.devnull, "w") as nowhere:
        call_command("prepare", stdout=nowhere)
    _tick_often()
    with connection.cursor() as cursor:
        cursor.execute(OWN_TABLE)


def _tick_often() -> None:
    """Beat's cadence is an operator's to change: a killed sweeper's successor is then called soon."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    often, _ = IntervalSchedule.objects.get_or_create(every=5, period=IntervalSchedule.SECONDS)
    entry = PeriodicTask.objects.get(name="sweep")
    entry.crontab, entry.interval, entry.last_run_at = None, often, None
    entry.save()
