"""The handler "log": one row per occurrence, all of a batch in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from events.handling import Completed, Kind
from handlers.log.handler import LogHandler
from handlers.log.models import Delivery
from tests.unit.handlers.conftest import ALICE, DUE, context

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


def test_it_is_transactional_and_called_log() -> None:
    assert (LogHandler.name, LogHandler.kind) == ("log", Kind.TRANSACTIONAL)


def test_a_delivery_keeps_every_fact_of_its_occurrence() -> None:
    payload = {"text": "Happy birthday, Zoë — \U0001f382", "nested": [1, None, {"a": "%s"}]}
    attempt = context(attempt=3, payload=payload)
    assert LogHandler().handle(attempt) == Completed()
    delivery = Delivery.objects.get()
    assert delivery.idempotency_key == attempt.idempotency_key
    assert (delivery.occurrence_id, delivery.rule_name, delivery.attempt) == (7, "birthday", 3)
    assert (delivery.entity_kind, delivery.entity_external_id) == (ALICE.kind, ALICE.external_id)
    assert (delivery.slot, delivery.timezone, delivery.due_at) == (
        "2027-03-14T02:30:00",
        "America/New_York",
        DUE,
    )
    assert delivery.payload == payload
    assert delivery.recorded_at.tzinfo is not None
    assert str(delivery) == "birthday for person alice at 2027-03-14T02:30:00"


def test_a_thousand_deliveries_are_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    contexts = [context(occurrence_id=number) for number in range(1000)]
    with django_assert_num_queries(1):
        outcomes = LogHandler().handle_batch(contexts)
    assert outcomes == [Completed()] * 1000
    kept = dict(Delivery.objects.values_list("occurrence_id", "idempotency_key"))
    assert kept == {each.occurrence_id: each.idempotency_key for each in contexts}


def test_an_empty_batch_writes_nothing_and_asks_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert LogHandler().handle_batch([]) == []


def test_a_second_delivery_under_one_key_is_refused_and_takes_its_batch_along() -> None:
    key = uuid4()
    LogHandler().handle(context(idempotency_key=key))
    with pytest.raises(IntegrityError), transaction.atomic():
        LogHandler().handle_batch([context(), context(idempotency_key=key)])
    assert Delivery.objects.count() == 1


def test_a_delivery_disappears_with_the_transaction_that_does_not_commit() -> None:
    with transaction.atomic():
        LogHandler().handle(context())
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("payload", [{}, {"url": 1}, {"anything": ["goes"]}])
def test_any_payload_is_valid(payload: dict[str, object]) -> None:
    LogHandler().validate(payload)
