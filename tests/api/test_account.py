"""Accounts and their keys."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection

from events import clock, operations
from events.models import ApiKey, Entity, KeptAnswer
from tests.api.conftest import PASSWORD, Account, account

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NEW = {"username": "dora", "password": "a long walk by the river", "timezone": "asia/calcutta"}


@pytest.fixture
def stranger(db: None) -> Account:
    """Nobody yet: without a key."""
    return Account(User(username="nobody"), "")


@pytest.fixture
def is_open(settings: Settings) -> None:
    """Anybody may make an account."""
    settings.PUNCTUAL_REGISTRATION_OPEN = True


def test_an_account_shows_itself_and_the_key_that_asks(alice: Account) -> None:
    told = alice.get("/account").json()
    assert (told["username"], told["timezone"]) == ("alice", "UTC")
    assert told["key"]["scope"] == "write"
    assert alice.key.startswith(told["key"]["prefix"])
    assert told["key"]["last_used_at"].endswith("Z")
    assert alice.key not in alice.get("/account").content.decode()


def test_of_a_key_only_its_digest_is_kept(alice: Account) -> None:
    made = alice.post("/account/keys", {"name": "phone", "scope": "write"})
    assert made.status_code == 201
    text = made.json()["key"]
    kept = ApiKey.objects.get(name="phone")
    assert bytes(kept.digest) == hashlib.sha256(text.encode()).digest()
    assert text not in str(vars(kept))
    assert len(text) == 46
    assert Account(alice.user, text).get("/account").json()["key"]["name"] == "phone"


def test_a_revoked_key_opens_nothing(alice: Account) -> None:
    made = alice.post("/account/keys", {"name": "phone"}).json()
    phone = Account(alice.user, made["key"])
    assert phone.get("/account").status_code == 200
    assert alice.delete(f"/account/keys/{made['id']}").status_code == 204
    assert alice.delete(f"/account/keys/{made['id']}").status_code == 204
    assert phone.get("/account").status_code == 401
    shown = {key["id"]: key["revoked_at"] for key in alice.get("/account/keys").json()["items"]}
    assert shown[made["id"]] is not None


def test_who_is_locked_out_is_locked_out_at_once(alice: Account) -> None:
    User.objects.filter(username="alice").update(is_active=False)
    assert alice.get("/account").status_code == 401


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer pk_", "Basic YTpi", "Bearer pk_" + "x" * 43, "pk_é"])
def test_without_a_valid_key_nothing_is_told_but_how_to_send_one(stranger: Account, sent: str) -> None:
    refused = stranger.get("/account", Authorization=sent)
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Bearer"
    assert refused.json()["type"] == "/problems/no-key"


def test_a_key_to_read_changes_nothing(alice: Account) -> None:
    reader = account("reader", scope="read")
    assert reader.get("/account").status_code == 200
    for refused in (
        reader.post("/account/keys", {"name": "more", "scope": "write"}),
        reader.patch("/account", {"timezone": "Europe/Berlin"}),
        reader.post("/reminders", {"text": "tea", "phrase": "tomorrow at 9", "dry_run": True}),
    ):
        assert refused.status_code == 403
    assert ApiKey.objects.filter(owner=reader.user).count() == 1


def test_a_key_to_read_asks_what_would_fire() -> None:
    reader = account("reader", scope="read")
    daily = {"dtstart": "2030-12-24T18:00", "timezone": "Europe/Berlin", "rrule": "FREQ=DAILY", "limit": 1}
    for path, asked in (
        ("/preview", daily), ("/phrases", {"phrase": "every day at 9", "timezone": "Europe/Berlin"}),
    ):  # fmt: skip
        answer = reader.post(path, asked, Idempotency_Key="again")
        assert answer.status_code == 200
        assert answer.json()["occurrences"]
    assert not KeptAnswer.objects.exists()


def test_a_key_to_read_ends_itself_and_no_other(alice: Account) -> None:
    reader = account("reader", scope="read")
    own = ApiKey.objects.get(owner=reader.user)
    other = ApiKey.objects.create(owner=reader.user, name="other", prefix="pk_other", digest=b"o" * 32)
    assert reader.delete(f"/account/keys/{other.pk}").status_code == 403
    assert reader.delete(f"/account/keys/{own.pk}").status_code == 204
    assert reader.get("/account").status_code == 401
    other.refresh_from_db()
    assert other.revoked_at is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "scope": "admin"}, "scope"),
        ({"name": "x", "rate": 601}, "rate"),
        ({"name": "x", "rate": 0}, "rate"),
        ({"name": "x", "rates": 5}, "rates"),
        ({}, "name"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_field(alice: Account, given: dict[str, Any], field: str) -> None:
    refused = alice.post("/account/keys", given)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert ApiKey.objects.count() == 1


def test_the_accounts_zone_is_that_of_its_own_person(alice: Account) -> None:
    assert not Entity.objects.exists()
    assert alice.patch("/account", {"timezone": "asia/calcutta"}).json()["timezone"] == "Asia/Kolkata"
    own = Entity.objects.get(owner=alice.user)
    assert (own.kind, own.external_id, own.timezone) == ("person", "alice", "Asia/Kolkata")
    assert alice.patch("/account", {"email": "alice@example.com"}).json()["email"] == "alice@example.com"
    assert alice.get("/account").json()["timezone"] == "Asia/Kolkata"
    refused = alice.patch("/account", {"timezone": "EST", "email": "nobody"})
    assert {error["field"] for error in refused.json()["errors"]} == {"timezone", "email"}
    assert User.objects.get(username="alice").email == "alice@example.com"


@pytest.mark.usefixtures("is_open")
def test_who_registers_logs_in_and_lives_in_a_zone(stranger: Account) -> None:
    made = stranger.post("/account/register", NEW)
    assert (made.status_code, made.json()["timezone"]) == (201, "Asia/Kolkata")
    logged_in = stranger.post("/account/login", {"username": "dora", "password": NEW["password"]})
    assert logged_in.status_code == 201
    dora = Account(User.objects.get(username="dora"), logged_in.json()["key"])
    assert dora.get("/account").json()["timezone"] == "Asia/Kolkata"
    assert (dora.user.is_staff, dora.user.is_superuser) == (False, False)


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "alice"}, "username"),
        ({"username": "no spaces"}, "username"),
        ({"username": ""}, "username"),
        ({"password": "password"}, "password"),
        ({"password": "dora1"}, "password"),
        ({"timezone": "GMT+3"}, "timezone"),
        ({"email": "nobody"}, "email"),
    ],
)
def test_a_registration_is_refused_by_field(
    alice: Account, stranger: Account, change: dict[str, Any], field: str
) -> None:
    refused = stranger.post("/account/register", NEW | change)
    assert refused.status_code == 422
    assert {error["field"] for error in refused.json()["errors"]} == {field}
    assert User.objects.count() == 1


def test_registration_is_closed_where_the_operators_did_not_open_it(stranger: Account) -> None:
    refused = stranger.post("/account/register", NEW)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/registration-closed")
    assert not User.objects.exists()


def test_a_wrong_password_and_a_wrong_name_are_refused_alike(alice: Account, stranger: Account) -> None:
    answers = [
        stranger.post("/account/login", {"username": name, "password": "wrong"})
        for name in ("alice", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    one, other = (answer.json() | {"request_id": ""} for answer in answers)
    assert one == other


def test_a_login_makes_room_for_its_key_and_an_account_has_a_hundred_at_most(
    alice: Account, stranger: Account
) -> None:
    for number in range(99):
        assert alice.post("/account/keys", {"name": f"k{number}"}).status_code == 201
    assert "100 keys" in alice.post("/account/keys", {"name": "one more"}).json()["errors"][0]["problem"]
    ApiKey.objects.filter(name="k7").update(created_at=clock.now() - timedelta(days=1))
    made = stranger.post("/account/login", {"username": "alice", "password": PASSWORD})
    assert made.status_code == 201
    assert list(ApiKey.objects.exclude(revoked_at=None).values_list("name", flat=True)) == ["k7"]
    assert alice.get("/account").status_code == 200


def test_attempts_to_log_in_are_counted_by_name_and_by_address(alice: Account, stranger: Account) -> None:
    wrong = {"username": "alice", "password": "wrong"}
    codes = [stranger.post("/account/login", wrong).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]
    refused = stranger.post("/account/login", {"username": "alice", "password": PASSWORD})
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 30
    assert stranger.post("/account/login", {**wrong, "username": "bob"}).status_code == 401
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_session SET expire_date = expire_date - interval '30 s'")
    assert stranger.post("/account/login", {"username": "alice", "password": PASSWORD}).status_code == 201


def test_attempts_that_count_no_more_are_forgotten(stranger: Account) -> None:
    wrong = {"username": "bob", "password": "wrong"}
    stranger.post("/account/login", wrong)
    assert Session.objects.count() == 2
    Session.objects.update(expire_date=clock.now() - timedelta(seconds=1))
    kept = Session.objects.create(session_key="k" * 32, session_data="somebody's", expire_date=clock.now())
    stranger.post("/account/login", {**wrong, "username": "eve"})
    assert Session.objects.count() == 3
    assert Session.objects.filter(pk=kept.pk).exists()


def test_the_address_is_the_one_that_our_own_proxy_saw(stranger: Account, settings: Settings) -> None:
    def hops_counted(*addresses: str) -> int:
        Session.objects.all().delete()
        for number, address in enumerate(addresses):
            wrong = {"username": f"nobody{number}", "password": "wrong"}
            stranger.post("/account/login", wrong, X_Forwarded_For=address)
        return Session.objects.count() - len(addresses)

    assert hops_counted("203.0.113.1", "203.0.113.2") == 1
    settings.PUNCTUAL_TRUSTED_PROXIES = 1
    assert hops_counted("198.51.100.9, 203.0.113.1", "203.0.113.2") == 2
    assert hops_counted("198.51.100.8, 203.0.113.1", "198.51.100.9, 203.0.113.1") == 1


def test_a_call_is_counted_in_one_question_and_waits_for_no_disk(
    alice: Account, django_assert_num_queries: Any
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO on")
        with django_assert_num_queries(1):
            key = operations.use_key(alice.key)
            assert key
            assert key.owner.get_username() == "alice"
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)
    key.refresh_from_db()
    assert key.last_used_at


def test_a_key_is_used_as_fast_as_its_rate_allows_and_no_faster(db: None) -> None:
    slow = account("slow", rate=12)  # two at once, then one in five seconds
    codes = [slow.get("/account").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    refused = slow.get("/account")
    assert 1 <= int(refused["Retry-After"]) <= 5
    assert refused.json()["type"] == "/problems/too-many"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_apikey SET spent_until = spent_until - interval '5 s'")
    assert [slow.get("/account").status_code for _ in range(2)] == [200, 429]
