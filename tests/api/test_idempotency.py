"""A POST that is sent again with its key is answered as before, and has no second effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import OperationalError, connection

from events import clock, operations
from events.api import rules
from events.models import ApiKey, Entity, KeptAnswer, LoggedMove, Occurrence, Rule
from events.operations import kept_answers, own_entities
from tests.api.conftest import Account, account

ANN = "/entities/person/ann"
RULE = {
    "name": "tea", "audience_kind": "person", "handler": "log", "rrule": "FREQ=DAILY", "start_date": "2020-01-01",
    "local_time": "16:00",
}  # fmt: skip
NDJSON = "application/x-ndjson"
THREADS = 16


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def same(one: Any, other: Any) -> bool:
    """Whether they say the same, the second as a repetition."""
    assert other["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in one
    headers = [
        {name: answer.get(name) for name in ("Content-Type", "ETag", "Location")} for answer in (one, other)
    ]
    return (one.status_code, body_of(one), headers[0]) == (other.status_code, body_of(other), headers[1])


def test_the_same_post_is_answered_as_before(alice: Account) -> None:
    first = alice.post("/rules", RULE, Idempotency_Key="k1")
    assert first.status_code == 201
    assert same(first, alice.post("/rules", RULE, Idempotency_Key="k1"))
    assert Rule.objects.count() == 1
    assert alice.post("/rules", RULE, Idempotency_Key="k2").status_code == 422


def test_a_refusal_is_an_answer_too(alice: Account) -> None:
    refused = alice.post("/rules", {**RULE, "handler": "pigeon"}, Idempotency_Key="k1")
    assert refused.status_code == 422
    assert same(refused, alice.post("/rules", {**RULE, "handler": "pigeon"}, Idempotency_Key="k1"))


@pytest.mark.parametrize("change", ["body", "path", "query"])
def test_a_key_is_for_one_request(alice: Account, change: str) -> None:
    alice.post("/rules", RULE, Idempotency_Key="k1")
    path = {"path": "/account/keys", "query": "/rules?x=1"}.get(change, "/rules")
    refused = alice.post(path, {**RULE, "name": "coffee"} if change == "body" else RULE, Idempotency_Key="k1")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/key-reused")
    assert Rule.objects.count() == 1


def test_a_key_is_one_accounts(alice: Account, charlie: Account) -> None:
    alice.post("/rules", RULE, Idempotency_Key="k1")
    assert "Idempotent-Replayed" not in charlie.post("/rules", RULE, Idempotency_Key="k1")
    assert Rule.objects.count() == 2


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_that_is_none_is_refused(alice: Account, key: str) -> None:
    refused = alice.post("/rules", RULE, Idempotency_Key=key)
    assert refused.status_code == 422
    assert "Idempotency-Key" in refused.json()["detail"]
    assert not Rule.objects.exists()


def test_a_new_key_is_told_again_and_kept_nowhere_in_clear(alice: Account) -> None:
    first = alice.post("/account/keys", {"name": "phone"}, Idempotency_Key="k1")
    assert same(first, alice.post("/account/keys", {"name": "phone"}, Idempotency_Key="k1"))
    secret = first.json()["key"]
    kept = KeptAnswer.objects.get()
    assert secret.encode() not in bytes(kept.body)
    assert secret not in str(kept.headers)
    assert ApiKey.objects.filter(name="phone").count() == 1


def test_an_answer_is_forgotten_after_a_day(alice: Account) -> None:
    alice.post("/account/keys", {"name": "phone"}, Idempotency_Key="k1")
    KeptAnswer.objects.update(created_at=clock.now() - timedelta(hours=23, minutes=59))
    assert "Idempotent-Replayed" in alice.post("/account/keys", {"name": "phone"}, Idempotency_Key="k1")
    KeptAnswer.objects.update(created_at=clock.now() - timedelta(hours=24, minutes=1))
    again = alice.post("/account/keys", {"name": "phone"}, Idempotency_Key="k1")
    assert (again.status_code, "Idempotent-Replayed" in again) == (201, False)
    assert ApiKey.objects.filter(name="phone").count() == 2


def test_old_answers_go_together_once_an_hour_at_most(alice: Account) -> None:
    now = clock.now()
    for number in range(5):
        alice.post("/account/keys", {"name": "phone"}, Idempotency_Key=f"k{number}")
    KeptAnswer.objects.exclude(key="k4").update(created_at=now - timedelta(hours=24, minutes=30))
    assert kept_answers.prune_answers(now=now) == 0
    KeptAnswer.objects.filter(key="k0").update(created_at=now - timedelta(hours=25, minutes=1))
    alice.post("/account/keys", {"name": "phone"}, Idempotency_Key="k5")
    assert sorted(KeptAnswer.objects.values_list("key", flat=True)) == ["k4", "k5"]


def test_a_fault_keeps_nothing_and_nothing_of_its_effect(
    alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rules, "_told", lambda *_: 1 / 0)
        assert alice.post("/rules", RULE, Idempotency_Key="k1").status_code == 500
    assert (Rule.objects.count(), KeptAnswer.objects.count()) == (0, 0)
    assert alice.post("/rules", RULE, Idempotency_Key="k1").status_code == 201


def test_what_is_told_line_by_line_is_told_again(alice: Account) -> None:
    body = b"".join(
        orjson.dumps({"kind": "person", "external_id": f"p{number}", "timezone": "UTC"}) + b"\n"
        for number in range(2_500)
    )
    first = alice.post("/entities/bulk", body, Content_Type=NDJSON, Idempotency_Key="k1")
    told = body_of(first)
    assert told.count(b'"created"') == 2_500
    again = alice.post("/entities/bulk", body, Content_Type=NDJSON, Idempotency_Key="k1")
    assert (again["Idempotent-Replayed"], body_of(again)) == ("true", told)


def test_what_fails_in_the_middle_is_undone_whole_with_a_key(
    alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        orjson.dumps({"kind": "person", "external_id": f"p{number}", "timezone": "UTC"})
        for number in range(1_500)
    ]
    body = b"\n".join(lines)
    sets_written: list[int] = []

    def failing(given: Any, **facts: Any) -> Any:
        if sets_written:
            raise OperationalError("the connection is lost")
        sets_written.append(len(given))
        return own_entities.put_in_bulk(given, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(operations, "put_in_bulk", failing)
        refused = alice.post("/entities/bulk", body, Content_Type=NDJSON, Idempotency_Key="k1")
    assert (refused.status_code, sets_written) == (503, [1_000])
    assert (Entity.objects.count(), KeptAnswer.objects.count()) == (0, 0)
    again = alice.post("/entities/bulk", body, Content_Type=NDJSON, Idempotency_Key="k1")
    assert body_of(again).count(b'"created"') == 1_500


@pytest.fixture
def together() -> Iterator[Callable[[Callable[[int], Any]], list[Any]]]:
    """Runs a function in 16 threads at once, each with a connection of its own; their results."""

    def own_connection(work: Callable[[int], Any], number: int) -> Any:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        yield lambda work: [
            done.result() for done in [pool.submit(own_connection, work, number) for number in range(THREADS)]
        ]


def test_of_sixteen_at_once_one_has_the_effect_and_all_have_its_answer(
    committed_db: object, together: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    alice = account("alice")
    alice.put(ANN, {"timezone": "UTC"})
    answers = together(lambda _: alice.post("/rules", RULE, Idempotency_Key="k1"))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert Rule.objects.count() == 1
    planned = Occurrence.objects.count()
    assert LoggedMove.objects.count() == planned > 0


def test_of_sixteen_that_are_told_line_by_line_one_has_the_effect(
    committed_db: object, together: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    alice = account("alice")
    line = b'{"kind": "person", "external_id": "ann", "timezone": "UTC"}\n'

    def send(_: int) -> bytes:
        return body_of(alice.post("/entities/bulk", line, Content_Type=NDJSON, Idempotency_Key="k1"))

    told = set(together(send))
    assert len(told) == 1
    assert b'"created"' in told.pop()
    assert Entity.objects.get().version == 1


def test_of_sixteen_changes_with_one_version_one_is_made(
    committed_db: object, together: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    alice = account("alice")
    alice.put(ANN, {"timezone": "UTC"})
    answers = together(lambda number: alice.patch(ANN, {"name": f"Ann {number}"}, If_Match='"1"'))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (THREADS - 1)
    assert Entity.objects.get().version == 2


def test_of_sixteen_that_create_one_name_one_creates_it(
    committed_db: object, together: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    alice = account("alice")
    answers = together(lambda number: alice.put(ANN, {"timezone": "UTC", "name": f"Ann {number}"}))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 201
    assert set(codes[1:]) <= {412, 428}
    assert Entity.objects.get().version == 1


def test_a_key_is_used_no_faster_than_its_rate_by_sixteen_at_once(
    committed_db: object, together: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    slow = account("slow", rate=36)  # six at once, then one in 1.7 s
    before = clock.now()
    codes = [answer.status_code for answer in together(lambda _: slow.get("/account"))]
    spent = clock.now() - before
    allowed = 6 + int(spent.total_seconds() * 36 / 60) + 1
    assert 6 <= codes.count(200) <= allowed
    assert codes.count(200) + codes.count(429) == THREADS


def test_of_sixteen_who_send_the_same_lines_without_a_key_one_is_told_of_each_that_it_is_new(
    committed_db: object, together: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    alice = account("alice")
    body = b"".join(b'{"kind": "person", "external_id": "p%d", "timezone": "UTC"}\n' % n for n in range(50))
    told = together(lambda _: body_of(alice.post("/entities/bulk", body, Content_Type=NDJSON)))
    lines = [orjson.loads(line) for answer in told for line in answer.splitlines()]
    assert Counter(line["status"] for line in lines) == {"created": 50, "unchanged": 15 * 50}
    assert {line["id"] for line in lines} == set(Entity.objects.values_list("pk", flat=True))
