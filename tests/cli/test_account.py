"""login, logout, whoami, and what a key that is none, or not enough, comes to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from punctual_cli.profiles import read_profiles

from events import clock
from events.models import ApiKey
from tests.cli.conftest import PASSWORD

if TYPE_CHECKING:
    from tests.cli.running import Cli


def test_whoever_logs_in_has_a_key_that_only_he_can_read(nobody: Cli, url: str) -> None:
    done = nobody(
        "login", "--url", f"{url}/", "--name", "alice", "--password-stdin", "--json", stdin=PASSWORD
    )
    assert (done.code, done.err) == (0, "")
    assert done.json == {"url": url, "username": "alice", "scope": "write", "profile": "default"}
    assert nobody.configuration.stat().st_mode & 0o777 == 0o600
    kept = read_profiles(nobody.configuration)["default"]
    assert (kept.url, kept.username, kept.key[:3]) == (url, "alice", "pk_")
    assert PASSWORD not in nobody.configuration.read_text()

    told = nobody("whoami")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"alice at {url}, in ")
    assert "may change things" in told.out
    account = nobody("whoami", "--json").json
    assert account["username"] == "alice"
    assert account["key"]["scope"] == "write"
    assert kept.key not in told.out


def test_a_wrong_password_ends_with_three_and_nothing_is_kept(nobody: Cli, url: str) -> None:
    done = nobody("login", "--url", url, "--name", "alice", "--password-stdin", stdin="a guess")
    assert (done.code, done.out) == (3, "")
    assert done.err.strip()
    assert "a guess" not in done.err
    assert not nobody.configuration.exists()


def test_who_logs_in_in_a_terminal_is_asked_and_the_password_is_not_shown(nobody: Cli, url: str) -> None:
    with nobody.in_terminal("login") as terminal:
        terminal.expect("URL: ")
        terminal.type(url)
        terminal.expect("Name: ")
        terminal.type("alice")
        terminal.expect("Password: ")
        terminal.type(PASSWORD)
        assert terminal.end() == 0
    assert f"You are alice at {url}." in terminal.seen
    assert PASSWORD not in terminal.seen
    assert nobody("whoami").code == 0


def test_who_logs_in_again_leaves_no_second_key_behind(nobody: Cli, alice: Cli, url: str) -> None:
    done = alice("login", "--name", "alice", "--password-stdin", stdin=PASSWORD)
    assert done.code == 0, done.err
    assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert ApiKey.objects.exclude(revoked_at=None).count() == 1


def test_who_logs_out_has_no_key_any_more_nor_has_the_server(alice: Cli) -> None:
    kept = read_profiles(alice.configuration)["default"]
    assert alice("logout", "--json").json == {"revoked": True}
    assert kept.key not in alice.configuration.read_text()
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert alice("list").code == 3
    again = alice("logout")
    assert (again.code, again.out) == (0, "You were not logged in.\n")


def test_a_logout_that_does_not_reach_the_server_says_that_the_key_still_opens(alice: Cli) -> None:
    text = alice.configuration.read_text()
    url = read_profiles(alice.configuration)["default"].url
    alice.configuration.write_text(text.replace(url, "http://127.0.0.1:1"))
    done = alice("logout")
    assert done.code == 1
    assert "The key was forgotten here, but it still opens the account" in done.err
    assert read_profiles(alice.configuration)["default"].key == ""
    assert ApiKey.objects.filter(revoked_at=None).exists()


def test_profiles_are_accounts_side_by_side(nobody: Cli, alice: Cli, url: str) -> None:
    given = ("login", "--profile", "bob", "--url", url, "--name", "alice", "--password-stdin", "--read-only")
    assert alice(*given, stdin=PASSWORD).code == 0
    assert alice("whoami", "--json", "--profile", "bob").json["key"]["scope"] == "read"
    assert alice("whoami", "--json", PUNCTUAL_PROFILE="bob").json["key"]["scope"] == "read"
    assert alice("whoami", "--json").json["key"]["scope"] == "write"


def test_the_environment_alone_is_enough(alice: Cli, url: str) -> None:
    kept = read_profiles(alice.configuration)["default"]
    alice.configuration.unlink()
    done = alice("whoami", "--json", PUNCTUAL_URL=url, PUNCTUAL_KEY=kept.key)
    assert done.json["username"] == "alice"
    assert not alice.configuration.exists()


@pytest.mark.parametrize("spoil", ["revoked", "unknown"])
def test_a_key_that_opens_nothing_ends_with_three_and_says_how_to_log_in(alice: Cli, spoil: str) -> None:
    variables = {"PUNCTUAL_KEY": "pk_unknown"} if spoil == "unknown" else {}
    if spoil == "revoked":
        ApiKey.objects.update(revoked_at=clock.now())
    done = alice("list", "--json", **variables)
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith(" Log in: punctual login\n")


def test_a_key_that_may_only_read_changes_nothing_and_that_is_said(alice: Cli) -> None:
    ApiKey.objects.update(scope="read")
    assert alice("list").code == 0
    done = alice("remind", "Call mom", "--at", "2090-12-24T18:00", "--yes")
    assert (done.code, done.out) == (1, "")
    assert "This key may only read." in done.err


def spend(calls: int) -> None:
    """Leave a key as one has it that made so many calls just now."""
    key = ApiKey.objects.get()
    key.per_minute, key.burst = 60, 1
    key.spent_until = clock.now() + timedelta(seconds=calls)
    key.save()


def test_too_many_calls_are_made_again_when_the_server_wants_them(alice: Cli) -> None:
    spend(2)
    done = alice("whoami", "--json", PUNCTUAL_PATIENCE="20")
    assert (done.code, done.json["username"]) == (0, "alice")
    assert "is busy (429); trying again in " in done.err


def test_too_many_calls_end_with_four_where_patience_ends(alice: Cli) -> None:
    spend(50)
    done = alice("whoami", PUNCTUAL_PATIENCE="3")
    assert (done.code, done.out) == (4, "")
    assert "is busy (429). Too many calls. Wait " in done.err
