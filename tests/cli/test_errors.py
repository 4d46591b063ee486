"""How it ends when something is wrong: exit codes, sentences, nothing on standard output."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.cli.running import Cli
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A machine without any server."""
    return Cli(tmp_path)


def nowhere() -> dict[str, str]:
    return {"PUNCTUAL_URL": f"http://127.0.0.1:{free_ports(1)[0]}", "PUNCTUAL_KEY": "pk_none"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lst"], "punctual: No such command 'lst'. Did you mean 'list'? See: punctual --help"),
        (["remind", "--at", "tomorrow"], "punctual remind: Missing argument"),
        (["list", "--limit", "0"], "punctual list: Invalid value for '--limit'"),
        (["remind", "Call mom"], "When? Nothing was said. Give one of --at, --every"),
        (["remind", "Call mom", "--at", "9am", "--every", "day"], "--at and --every exclude each other."),
        (["remind", "Call mom", "--rrule", "FREQ=DAILY"], "--rrule and --from belong together."),
        (["remind", "Call mom", "--at", "9am", "--for", "/"], "--for: '/' names nobody."),
        (["remind", "Call mom", "--at", "9am", "--payload", "[]"], "--payload: it is no JSON object."),
        (["remind", "Call mom", "--at", "9am", "--zone", "EST5"], "--zone: 'EST5' is no time zone."),
        (["snooze", "7"], "Give either --for or --until."),
        (["trigger", "log", "7"], "Give either --at or --withdraw."),
        (["trigger", "log", "7", "--at", "2026-02-30T18:00"], "--at: '2026-02-30T18:00' is no date and time"),
        (["group", "UPLOAD", "7", "--at", "2026-12-24T18:00"], "There is nothing to add."),
        (["preview"], "Give one: words, or --rrule"),
        (["people", "import", "nobody.txt"], "nobody.txt cannot be read: its name does not say what it is."),
        (["login"], "The url is missing. Give it with --url."),
        (["login", "--url", "mallory", "--name", "alice", "--password-stdin"], "'mallory' is no address of a server."),
    ],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_two_and_the_next_step(
    cli: Cli, arguments: list[str], said: str
) -> None:
    done = cli(*arguments, **nowhere() if arguments[0] != "login" else {})
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_without_arguments_it_shows_its_help_and_ends_with_two(cli: Cli) -> None:
    done = cli()
    assert (done.code, done.err) == (2, "")
    assert "Usage: punctual" in done.out


def test_it_says_its_version(cli: Cli) -> None:
    assert cli("--version").out == "punctual 0.1.0\n"


@pytest.mark.parametrize("arguments", [["list"], ["whoami", "--json"], ["cancel", "7"], ["watch", "--json"]])
def test_without_a_login_it_ends_with_three_and_says_how_to_log_in(cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert (done.code, done.out) == (3, "")
    assert done.err == "The profile 'default' knows no server. Log in: punctual login\n"


def test_a_key_in_the_file_is_not_sent_where_the_environment_points(cli: Cli) -> None:
    cli.configuration.parent.mkdir(parents=True)
    cli.configuration.touch(0o600)
    cli.configuration.write_text(
        '[profiles.default]\nurl = "https://punctual.example.com"\nkey = "pk_alice"\n'
    )
    done = cli("list", PUNCTUAL_URL="http://127.0.0.1:1")
    assert (done.code, done.out) == (3, "")
    assert "There is no key to http://127.0.0.1:1." in done.err


def test_a_configuration_that_others_may_open_is_refused_and_is_not_shown(cli: Cli) -> None:
    cli.configuration.parent.mkdir(parents=True)
    cli.configuration.write_text(
        '[profiles.default]\nurl = "https://punctual.example.com"\nkey = "pk_alice"\n'
    )
    cli.configuration.chmod(0o644)
    done = cli("list")
    assert (done.code, done.out) == (2, "")
    assert f"Close it first: chmod 600 {cli.configuration}" in done.err
    assert "pk_alice" not in done.err


def test_a_server_that_is_away_ends_with_four_and_was_tried_again_meanwhile(cli: Cli) -> None:
    done = cli("list", **nowhere(), PUNCTUAL_PATIENCE="2")
    assert (done.code, done.out) == (4, "")
    *tries, last = done.err.splitlines()
    assert len(tries) >= 2
    assert all("Connection refused); trying again in" in line for line in tries)
    assert last.endswith("Is it running, and is that its address?")


def test_a_server_that_hangs_up_leaves_a_write_undecided_and_it_says_so(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        there = {"PUNCTUAL_URL": f"http://127.0.0.1:{port}", "PUNCTUAL_KEY": "pk_none"}
        done = cli("done", "7", **there)
    assert (done.code, done.out) == (4, "")
    assert "Whether it was done is not known: look before you do it again." in done.err


def test_another_kind_of_server_is_recognised(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
                )

        threading.Thread(target=answer, daemon=True).start()
        done = cli("whoami", PUNCTUAL_URL=f"http://127.0.0.1:{port}", PUNCTUAL_KEY="pk_none")
    assert (done.code, done.out) == (4, "")
    assert "answered 200, and not as Punctual does." in done.err


def test_a_key_that_cannot_be_one_is_refused_without_being_shown(cli: Cli) -> None:
    done = cli("whoami", PUNCTUAL_URL="http://127.0.0.1:1", PUNCTUAL_KEY="pk_sé\ncret")
    assert (done.code, done.out) == (2, "")
    assert "The key is not one" in done.err
    assert "cret" not in done.err


def test_a_machine_without_a_zone_counts_in_utc_and_says_so(cli: Cli) -> None:
    done = cli("list", **nowhere(), TZ="CET-1CEST")
    assert done.err.startswith("Times are in UTC, for TZ (CET-1CEST) names no zone.")


def test_whoever_stops_reading_ends_it_without_a_word(cli: Cli) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with cli.started("--version", stdout=writing) as process:
        os.close(writing)
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 141)


def test_a_shell_is_taught_to_complete_commands(cli: Cli) -> None:
    done = cli("--show-completion", "bash")
    assert done.code == 0
    assert "_PUNCTUAL_COMPLETE=complete_bash" in done.out
    asked = {"_PUNCTUAL_COMPLETE": "complete_bash", "COMP_WORDS": "punctual sno", "COMP_CWORD": "1"}
    assert cli(**asked).out.strip() == "snooze"
