"""Deliveries in the admin: to be read and searched, never to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from handlers.log.handler import LogHandler
from handlers.log.models import Delivery
from tests.unit.handlers.conftest import context

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db
LIST = "admin:log_handler_delivery_changelist"


def test_an_operator_finds_a_delivery_by_its_key(admin_client: Client) -> None:
    attempts = [context(rule_name="findable"), context(rule_name="another")]
    LogHandler().handle_batch(attempts)
    page = admin_client.get(reverse(LIST), {"q": str(attempts[0].idempotency_key)})
    assert [each.rule_name for each in page.context["cl"].result_list] == ["findable"]


def test_a_search_for_what_is_no_key_finds_by_rule_and_entity(admin_client: Client) -> None:
    LogHandler().handle_batch([context(rule_name="findable"), context(rule_name="another")])
    page = admin_client.get(reverse(LIST), {"q": "findable"})
    assert [each.rule_name for each in page.context["cl"].result_list] == ["findable"]


@pytest.mark.parametrize("verb", ["add", "delete"])
def test_nobody_adds_or_deletes_a_delivery(admin_client: Client, verb: str) -> None:
    LogHandler().handle(context())
    target = [] if verb == "add" else [Delivery.objects.get().pk]
    assert admin_client.post(reverse(f"admin:log_handler_delivery_{verb}", args=target)).status_code == 403


def test_a_delivery_can_be_read_but_not_changed(admin_client: Client) -> None:
    LogHandler().handle(context())
    delivery = Delivery.objects.get()
    address = reverse("admin:log_handler_delivery_change", args=[delivery.pk])
    assert admin_client.get(address).status_code == 200
    assert admin_client.post(address, {"rule_name": "forged"}).status_code == 403
    delivery.refresh_from_db()
    assert delivery.rule_name == "birthday"
