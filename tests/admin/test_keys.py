"""Operators see who calls the API with which key, never the key itself, and end one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse

from events import operations
from events.models import ApiKey

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

LIST = reverse("admin:events_apikey_changelist")
REVOKE = reverse("admin:events_apikey_act", args=["revoke"])


@pytest.fixture
def key(world: World) -> tuple[ApiKey, str]:
    """Bob's, and what it is."""
    bob = User.objects.create_user("bob")
    return operations.make_key(
        bob, name="the mill's", scope="read", rate=60, fastest=600, origin=world.origin()
    )


def test_a_key_is_known_by_its_beginning_and_nobody_reads_it(alice: Client, key: tuple[ApiKey, str]) -> None:
    row, text = key
    for page in (LIST, reverse("admin:events_apikey_change", args=[row.pk])):
        shown = alice.get(page).content.decode()
        assert row.prefix in shown
        assert "bob" in shown
        assert text not in shown
        assert text[len(row.prefix) :] not in shown
        assert "digest" not in shown.lower()


def test_a_revoked_key_is_of_no_use_and_the_reason_is_kept(alice: Client, key: tuple[ApiKey, str]) -> None:
    row, text = key
    assert operations.use_key(text) == row
    told = alice.post(REVOKE, {"ids": row.pk, "why": "it was in a screenshot"}, follow=True).content.decode()
    assert "1 key revoked." in told
    assert operations.use_key(text) is None
    assert LogEntry.objects.get().change_message == "Revoke: it was in a screenshot"
    again = alice.post(REVOKE, {"ids": row.pk, "why": "to be sure"}, follow=True).content.decode()
    assert "1 key had been revoked before." in again
