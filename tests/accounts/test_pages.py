"""The pages of an account, as a browser asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events import operations
from events.models import ApiKey, Entity

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

PASSWORD = "a horse of brass, 1842"
NEW = {"username": "alice", "password": PASSWORD, "email": "", "timezone": "europe/berlin"}


@pytest.fixture(autouse=True)
def open_house(settings: Settings) -> None:
    settings.PUNCTUAL_REGISTRATION_OPEN = True


@pytest.fixture
def alice() -> Client:
    """Her browser, just after she has made her account."""
    browser = Client()
    assert browser.post("/account/register/", NEW).status_code == 302
    return browser


def text(answer: Any) -> str:
    return str(answer.content.decode())


def key_of(answer: Any) -> str:
    return text(answer).partition('<p class="secret"><code>')[2].partition("</code>")[0]


def test_a_new_account_has_its_own_person_in_its_zone(alice: Client) -> None:
    page = text(alice.get("/account/"))
    assert "<h1>alice</h1>" in page
    assert 'value="Europe/Berlin"' in page
    own = Entity.objects.get()
    assert (own.owner, own.kind, own.external_id) == (User.objects.get(), "person", "alice")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"timezone": "EST"}, "is an abbreviation"),
        ({"password": "12345678"}, "numeric"),
        ({"password": "alice123"}, "too similar"),
        ({"username": ""}, "This field is required"),
        ({"username": "al ice!"}, "Enter a valid username"),
        ({"email": "nowhere"}, "Enter a valid email address"),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field_and_nothing_is_written(
    fields: dict[str, str], said: str
) -> None:
    page = Client().post("/account/register/", NEW | fields)
    assert said in text(page)
    assert (User.objects.count(), Entity.objects.count()) == (0, 0)


def test_a_name_is_taken_once(alice: Client) -> None:
    assert "already exists" in text(Client().post("/account/register/", NEW))


def test_where_operators_make_the_accounts_a_page_says_so(settings: Settings) -> None:
    settings.PUNCTUAL_REGISTRATION_OPEN = False
    page = Client().post("/account/register/", NEW)
    assert (page.status_code, User.objects.count()) == (403, 0)
    assert "Ask them for one" in text(page)
    assert "Make one" not in text(Client().get("/account/login/"))


def test_who_comes_back_goes_where_they_were_going_and_to_no_other_site(alice: Client) -> None:
    given = {"username": "alice", "password": PASSWORD}
    browser = Client()
    assert browser.get("/account/")["Location"] == "/account/login/?next=/account/"
    assert "no account of this name and password" in text(
        browser.post("/account/login/", given | {"password": "another"})
    )
    assert browser.post("/account/login/?next=//evil.example/", given)["Location"] == "/account/"
    assert browser.post("/account/login/?next=/api/v1/docs", given)["Location"] == "/api/v1/docs"
    assert browser.post("/account/logout/")["Location"] == "/account/login/"
    assert browser.get("/account/").status_code == 302


def test_attempts_are_counted() -> None:
    given = {"username": "alice", "password": "a guess"}
    browser = Client()
    pages = [text(browser.post("/account/login/", given)) for _ in range(11)]
    assert "no account of this name" in pages[0]
    assert "Too many calls. Wait" in pages[-1]


def test_a_key_is_shown_once_opens_the_api_and_is_revoked(alice: Client) -> None:
    made = alice.post("/account/keys/", {"name": "the back end's", "scope": "read"})
    secret = key_of(made)
    assert "no-store" in made["Cache-Control"]
    assert secret not in text(alice.get("/account/"))
    assert "the back end&#x27;s" in text(alice.get("/account/"))
    bearer = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/account", headers=bearer).json()["username"] == "alice"
    key = ApiKey.objects.get()
    assert bytes(key.digest) != secret.encode()
    assert alice.post(f"/account/keys/{key.pk}/revoke/").status_code == 302
    assert Client().get("/api/v1/account", headers=bearer).status_code == 401
    assert "revoked" in text(alice.get("/account/"))


def test_a_key_without_a_name_is_refused_on_the_page(alice: Client) -> None:
    page = alice.post("/account/keys/", {"name": " ", "scope": "write"})
    assert page.status_code == 400
    assert "This field is required" in text(page)
    assert not ApiKey.objects.exists()


def test_nobody_revokes_the_key_of_another(alice: Client) -> None:
    alice.post("/account/keys/", {"name": "for the back end", "scope": "read"})
    charlie = Client()
    charlie.post("/account/register/", NEW | {"username": "charlie"})
    key = ApiKey.objects.get()
    assert charlie.post(f"/account/keys/{key.pk}/revoke/").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None
    assert "for the back end" not in text(charlie.get("/account/"))


def test_another_zone_is_that_of_the_person_too(alice: Client) -> None:
    page = alice.post("/account/", {"email": "alice@example.com", "timezone": "Asia/Tokyo"}, follow=True)
    assert "Saved." in text(page)
    assert operations.zone_of_account(User.objects.get()) == "Asia/Tokyo"
    assert "is not an IANA time zone" in text(alice.post("/account/", {"timezone": "Nowhere"}))


def test_forms_of_other_sites_do_nothing(alice: Client) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = alice.cookies
    assert careful.post("/account/keys/", {"name": "theirs", "scope": "write"}).status_code == 403
    assert not ApiKey.objects.exists()
