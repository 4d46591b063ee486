"""The test harness itself: what a test commits is gone afterwards, and RabbitMQ is a real one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from kombu import Connection

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase


@pytest.mark.parametrize("turn", [1, 2])
def test_another_process_sees_what_a_test_commits_and_the_next_test_does_not(
    committed_db: CommittedDatabase, turn: int
) -> None:
    assert not User.objects.exists()
    User.objects.create(username=f"alice{turn}")
    seen = subprocess.run(
        [
            sys.executable,
            "manage.py",
            "shell",
            "-v",
            "0",
            "-c",
            "from django.contrib.auth.models import User; print(User.objects.get().username)",
        ],
        env=committed_db.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    assert seen.stdout.strip() == f"alice{turn}"


def test_permissions_outlive_the_emptying(committed_db: CommittedDatabase) -> None:
    assert Permission.objects.exists()


def test_the_private_rabbitmq_keeps_what_was_published(rabbitmq_url: str) -> None:
    with Connection(rabbitmq_url) as connection:
        queue = connection.SimpleQueue("harness", queue_opts={"auto_delete": True})
        queue.put("hello")
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == "hello"
        queue.close()
