"""A real server, on the tests' database; and Alice at her machine."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from punctual_cli.output import say
from punctual_cli.profiles import Profile, read_profiles, write_profiles
from punctual_cli.server import Server

from events import clock, operations
from events.transitions import Origin
from tests.cli.running import Cli
from tests.cli.serving import serving
from tests.harness.database import CommittedDatabase, current_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.plugin import DjangoDbBlocker

PASSWORD = "everything at its time"


@pytest.fixture(scope="package")
def url(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a web process that answers. Nothing fires."""
    with django_db_blocker.unblock():
        variables = CommittedDatabase(current_url()).environment()
    with serving(variables, tmp_path_factory.mktemp("var"), "web") as live:
        yield live.variables["URL"]


@pytest.fixture
def nobody(url: str, committed_db: CommittedDatabase, tmp_path: Path) -> Cli:
    """A machine from which nobody has logged in yet, though Alice has an account."""
    User.objects.create_user("alice", password=PASSWORD)
    return Cli(tmp_path)


@pytest.fixture
def alice(url: str, committed_db: CommittedDatabase, tmp_path: Path) -> Cli:
    """Alice's machine, with a key of hers as `login` keeps it."""
    user, _ = User.objects.get_or_create(username="alice")
    origin = Origin("user:alice", uuid4(), clock.now())
    key, text = operations.make_key(user, name="test", scope="write", rate=6000, fastest=6000, origin=origin)
    cli = Cli(tmp_path)
    write_profiles(cli.configuration, {"default": Profile(url, text, key.pk, "alice")})
    return cli


@pytest.fixture
def api(alice: Cli) -> Iterator[Server]:
    """The API with Alice's key, for what the command line does not do."""
    kept = read_profiles(alice.configuration)["default"]
    server = Server(kept.url, kept.key, patience=0, tell=say)
    yield server
    server.close()
