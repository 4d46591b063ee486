"""rules, preview, next, and what is shown of them."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from events import clock, operations
from events.models import Rule
from events.operations import EntityFacts
from events.transitions import Origin

if TYPE_CHECKING:
    from tests.cli.running import Cli


def rule(owner: str = "alice", **more: Any) -> Rule:
    """A rule of an account's own, every day at nine in Berlin."""
    user = User.objects.get_or_create(username=owner)[0]
    origin = Origin(f"user:{owner}", uuid4(), clock.now())
    operations.put_entities([EntityFacts("person", "ada", "Europe/Berlin")], owner=user.pk, origin=origin)
    given: dict[str, Any] = {
        "name": "Stretch",
        "audience_kind": "person",
        "start_date": origin.now.date(),
        "local_time": time(9),
        "rrule": "FREQ=DAILY",
        "handler": "log",
        **more,
    }
    made = Rule(owner=user, **given)
    operations.create_rule(made, horizon=timedelta(hours=48), origin=origin)
    return made


def test_rules_are_listed_shown_paused_and_resumed(alice: Cli) -> None:
    made = rule()
    listed = alice("rules", "list")
    assert (listed.code, listed.err) == (0, "")
    head, row = listed.out.splitlines()
    assert head.split() == ["id", "rule", "state", "when", "handler"]
    assert row.startswith(f"{made.pk}   Stretch  active  every day at 09:00")
    assert row.endswith("log")

    shown = alice("rules", "show", str(made.pk))
    assert "rrule" in shown.out
    assert "FREQ=DAILY" in shown.out
    assert alice("rules", "show", str(made.pk), "--json").json["name"] == "Stretch"

    paused = alice("rules", "pause", str(made.pk), "--reason", "holidays", "--json")
    assert paused.json["state"] == "paused"
    assert alice("rules", "list", "--state", "active").out == "There are no rules.\n"
    assert alice("rules", "resume", str(made.pk)).out == f"Rule {made.pk}, Stretch, goes on.\n"
    assert Rule.objects.get().state == "active"


def test_what_a_rule_fires_next_is_shown_in_ones_own_zone(alice: Cli) -> None:
    made = rule()
    done = alice("rules", "next", str(made.pk), "--limit", "3", "--zone", "Asia/Kathmandu")
    assert done.code == 0
    sentence, head, *rows = done.out.splitlines()
    assert sentence.startswith("Every day at 09:00")
    assert "when (Asia/Kathmandu)" in head
    assert len(rows) == 3
    assert all(" 13:45" in row or " 12:45" in row for row in rows)
    assert len(alice("rules", "next", str(made.pk), "--json", "--limit", "3").lines) == 3


def test_a_rule_with_a_window_does_not_tell_its_moments(alice: Cli) -> None:
    made = rule(window=timedelta(hours=3))
    for command in (["next"], ["rules", "next", str(made.pk)]):
        done = alice(*command)
        assert "some time until " in done.out, done
        assert '"due_at": null' in alice(*command, "--json").out


def test_another_accounts_rule_is_not_there(alice: Cli) -> None:
    bobs = rule("bob")
    for verb in ("show", "pause", "resume", "next"):
        done = alice("rules", verb, str(bobs.pk))
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"There is no rule {bobs.pk} of yours.")
    assert alice("rules", "list", "--json").out == ""
    assert Rule.objects.get().state == "active"


def test_a_retired_rule_is_a_conflict(alice: Cli) -> None:
    made = rule()
    operations.retire_rule(made, why="over", origin=Origin("user:alice", uuid4(), clock.now()))
    done = alice("rules", "resume", str(made.pk))
    assert (done.code, done.out) == (5, "")
    assert "Stretch" in done.err


def test_many_rules_come_page_by_page_as_many_as_are_wanted(alice: Cli) -> None:
    for number in range(5):
        rule(name=f"Stretch {number}")
    assert len(alice("rules", "list", "--json").lines) == 5
    assert len(alice("rules", "list", "--json", "--limit", "4").lines) == 4
    upcoming = alice("next", "--json", "--limit", "7").lines
    assert [each["due_at"] for each in upcoming] == sorted(each["due_at"] for each in upcoming)
    assert len(upcoming) == 7


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (("--rrule", "FREQ=YEARLY", "--from", "2090-12-24T18:00"), "Sun 24 Dec 2090 18:00"),
        (("--once", "2090-12-24T18:00"), "Sun 24 Dec 2090 18:00"),
        (("--every", "PT90M", "--from", "2090-12-24T18:00"), "Sun 24 Dec 2090 18:00"),
        (("--cron", "0 9 * * *"), " 09:00"),
        (("every weekday at 9am",), " 09:00"),
    ],
)
def test_a_preview_shows_when_and_writes_nothing(alice: Cli, arguments: tuple[str, ...], first: str) -> None:
    done = alice("preview", *arguments, "--limit", "2")
    assert (done.code, done.err) == (0, "")
    sentence, head, row, *more = done.out.splitlines()
    assert sentence.endswith(".")
    assert "Europe/Berlin" in head
    assert first in row
    assert len(more) == ("--once" not in arguments)
    assert len(alice("preview", *arguments, "--limit", "2", "--json").lines) == 1 + len(more)
    assert not Rule.objects.exists()


def test_a_phrase_that_is_not_understood_is_refused_by_field(alice: Cli) -> None:
    done = alice("preview", "every blue moon")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("phrase: ")
