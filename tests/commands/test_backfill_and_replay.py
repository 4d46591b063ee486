"""`backfill` and `replay`: what was missed, and new attempts for what failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from events import operations
from events.models import LoggedMove, Occurrence, Rule
from tests.commands.conftest import run

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

THREE_DAYS = ("--from", "2026-03-28T00:00+01:00", "--to", "2026-03-31T00:00+02:00", "--reason", "an outage")


def daily(world: World, **fields: object) -> Rule:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Tokyo"})
    return world.rule(name="Good morning", start_date=datetime(2026, 1, 1, tzinfo=UTC).date(), **fields)


def test_a_backfill_over_a_change_of_clocks_writes_each_missing_slot_once(world: World) -> None:
    rule = daily(world)
    past = Occurrence.objects.filter(rule=rule, due_at__lt=world.now)

    would = run("backfill", "--rule", "Good morning", *THREE_DAYS, "--dry-run")
    assert would.out.startswith(
        "6 occurrences of 'Good morning' would be planned, from 2026-03-28T00:00:00+01:00 up to"
    )
    assert not past.exists()

    assert run("backfill", "--rule", rule.pk, *THREE_DAYS).out.startswith(
        "6 occurrences of 'Good morning' planned"
    )
    assert set(past.filter(entity__external_id="alice").values_list("due_at", flat=True)) == {
        datetime(2026, 3, 28, 8, tzinfo=UTC),
        datetime(2026, 3, 29, 7, tzinfo=UTC),
        datetime(2026, 3, 30, 7, tzinfo=UTC),
    }
    assert run("backfill", "--rule", "Good morning", *THREE_DAYS).out.startswith("0 occurrences")


def test_a_backfill_says_in_the_log_who_did_it_and_why(world: World) -> None:
    daily(world)
    before = set(LoggedMove.objects.values_list("number", flat=True))
    run("backfill", "--rule", "Good morning", *THREE_DAYS, "--actor", "alice")
    told = LoggedMove.objects.exclude(number__in=before).values_list("actor", "detail__why")
    assert set(told) == {("user:alice", "an outage")}


def test_local_dates_are_taken_where_the_rule_has_one_zone(world: World) -> None:
    alice = world.person("alice", "Europe/Berlin")
    world.rule(name="fixed", timezone="Asia/Tokyo")
    world.rule(name="hers", entity=alice)
    dates = ("--from", "2026-03-29", "--to", "2026-03-30", "--reason", "x", "--dry-run")
    assert (
        "from 2026-03-28T15:00:00+00:00 up to 2026-03-29T15:00:00+00:00"
        in run("backfill", "--rule", "fixed", *dates).out
    )
    assert (
        "from 2026-03-28T23:00:00+00:00 up to 2026-03-29T22:00:00+00:00"
        in run("backfill", "--rule", "hers", *dates).out
    )


@pytest.mark.parametrize(
    ("after", "before", "field", "value", "remedy"),
    [
        (
            "2026-03-29",
            "2026-03-30",
            "--from",
            "2026-03-29",
            "Add an offset from UTC, such as 2026-03-29T00:00+00:00",
        ),
        ("2023-02-29T00:00Z", "2026-03-30", "--from", "'2023-02-29T00:00Z'", "Write it as"),
        ("2026-03-29T00:00Z", "tomorrow", "--to", "'tomorrow'", "Write it as"),
        ("2026-03-29T00:00Z", "2026-03-29T00:00Z", "--to", "is not after --from", "Exchange them"),
    ],
)
def test_an_instant_that_means_nothing_is_refused_with_its_remedy(
    world: World, after: str, before: str, field: str, value: str, remedy: str
) -> None:
    daily(world)
    planned = Occurrence.objects.count()
    refused = run(
        "backfill", "--rule", "Good morning", "--from", after, "--to", before, "--reason", "x"
    ).refused
    assert refused.startswith(f"{field}: ")
    assert value in refused
    assert remedy in refused
    assert Occurrence.objects.count() == planned


def test_a_rule_that_does_not_exist_is_refused_with_those_that_are_close(world: World) -> None:
    assert "There are no rules yet" in run("backfill", "--rule", "Good mornin", *THREE_DAYS).refused
    daily(world)
    assert "Did you mean 'Good morning'?" in run("backfill", "--rule", "Good mornin", *THREE_DAYS).refused
    assert "Rules: 'Good morning'." in run("backfill", "--rule", "99999999999999999999", *THREE_DAYS).refused
    assert "Rules: 'Good morning'." in run("backfill", "--rule", "0", *THREE_DAYS).refused


def test_a_retired_rule_is_not_backfilled(world: World) -> None:
    rule = daily(world)
    operations.retire_rule(rule, why="over", origin=world.origin())
    assert "'Good morning' is retired" in run("backfill", "--rule", "Good morning", *THREE_DAYS).refused


def dead(world: World, state: str, count: int = 1, rule: str = "broken") -> list[int]:
    """Dead letters of a rule of that name, made as a worker makes them."""
    world.people({f"{rule} {number}": "Europe/Berlin" for number in range(count)}, of=rule)
    planned = world.rule(name=rule, audience_filter={"of": rule})
    ids = []
    for row in Occurrence.objects.filter(rule=planned).order_by("entity_id", "due_at").distinct("entity_id"):
        Occurrence.objects.filter(pk=row.pk).update(
            state="PENDING", claim_token=row.idempotency_key, lease_expires_at=world.now
        )
        Occurrence.objects.filter(pk=row.pk).update(state="PROCESSING", attempt=1, failures=1)
        end = world.now if state == "FAILED" else None
        Occurrence.objects.filter(pk=row.pk).update(
            state=state, claim_token=None, lease_expires_at=None, finished_at=end
        )
        ids.append(row.pk)
    return sorted(ids)


def test_named_dead_letters_are_replayed_and_the_reason_is_kept(world: World) -> None:
    failed, unknown = dead(world, "FAILED")[0], dead(world, "UNKNOWN", rule="unsure")[0]
    waiting = Occurrence.objects.filter(state="SCHEDULED").values_list("pk", flat=True)[0]

    would = run("replay", failed, unknown, "--reason", "mended", "--dry-run")
    assert would.out == f"2 occurrences would be replayed: {failed}, {unknown}.\n"
    said = run("replay", failed, unknown, waiting, "--reason", "mended", "--actor", "alice").out
    assert said == (
        f"2 occurrences replayed: {failed}, {unknown}.\n"
        f"1 occurrence left as before: {waiting}. Only what is FAILED or UNKNOWN, not yet expired, of a rule and an "
        "entity that still exist, can be replayed.\n"
    )
    told = LoggedMove.objects.get(occurrence_id=failed, reason="replayed")
    assert (told.actor, told.detail) == ("user:alice", {"why": "mended"})
    assert set(Occurrence.objects.filter(pk__in=[failed, unknown]).values_list("state", flat=True)) == {
        "RETRYING"
    }


def test_what_may_have_been_sent_is_replayed_by_rule_only_when_it_is_asked_for(world: World) -> None:
    failed, unknown = dead(world, "FAILED", 2), dead(world, "UNKNOWN", rule="unsure")
    assert (
        run("replay", "--rule", "unsure", "--reason", "x").refused
        == "Nothing to replay: none of those is FAILED."
    )
    assert run("replay", "--rule", "broken", "--reason", "x").out.startswith("2 occurrences replayed")
    assert (
        run("replay", "--all", "--state", "UNKNOWN", "--reason", "x").out
        == f"1 occurrence replayed: {unknown[0]}.\n"
    )
    assert Occurrence.objects.filter(pk__in=[*failed, *unknown], state="RETRYING").count() == 3


def test_ids_are_narrowed_by_a_state(world: World) -> None:
    failed, unknown = dead(world, "FAILED")[0], dead(world, "UNKNOWN", rule="unsure")[0]
    said = run("replay", failed, unknown, "--state", "FAILED", "--reason", "x").out
    assert said.startswith(f"1 occurrence replayed: {failed}.")


def test_many_ids_are_told_by_the_first_and_the_last(world: World) -> None:
    ids = dead(world, "FAILED", 12)
    said = run("replay", "--all", "--reason", "x", "--dry-run").out
    assert said.startswith("12 occurrences would be replayed: ")
    assert f", … {ids[-1]}." in said


@pytest.mark.parametrize("chosen", [(), (1, "--all"), ("--rule", "x", "--all")])
def test_what_to_replay_is_said_in_exactly_one_way(world: World, chosen: tuple[object, ...]) -> None:
    assert "in one way" in run("replay", *chosen, "--reason", "x").refused


def test_nothing_to_replay_is_said_with_how_the_chosen_stand(world: World) -> None:
    daily(world)
    waiting = Occurrence.objects.values_list("pk", flat=True)[0]
    assert "the chosen are SCHEDULED" in run("replay", waiting, "--reason", "x").refused
    assert "no such occurrence exists" in run("replay", 0, "--reason", "x").refused
    assert "the chosen are SCHEDULED" in run("replay", waiting, "--reason", "x", "--dry-run").refused


def test_a_reason_must_be_given(world: World) -> None:
    assert "--reason" in run("replay", "--all").refused
    assert "--reason" in run("backfill", "--rule", "x", "--from", "x", "--to", "x").refused
