"""Dead letters: put right, tried again, settled; and what is refused of them, told in their logs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from events import operations, queries
from events.handling import HandlerContext, InvalidPayload, Outcome, Reject
from events.lifecycle import State
from events.models import LoggedMove, Occurrence, Rule
from events.operations import InvalidAmendment, NothingMoved
from events.operations.payloads import merged
from events.queries import Source, find_dead_letters
from events.queries.audit import audit_log
from events.transitions.amendments import changes
from tests.engine import handlers
from tests.engine.handlers import Idempotent
from tests.engine.test_guards import put_into
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def rejects(why: str = "no such address") -> None:
    Idempotent.answer = staticmethod(lambda _: Reject(why))


def dead(world: World, count: int = 1, **rule: Any) -> list[int]:
    """Rows whose handler said that they can never succeed."""
    rejects()
    ids = [
        row.pk for row in world.due(count, **{"handler": "idempotent", "payload": {"to": "nobody"}} | rule)
    ]
    world.sweep()
    assert Occurrence.objects.filter(pk__in=ids, state="FAILED").count() == count
    Idempotent.answer = staticmethod(handlers.completed)
    handlers.Bidden.calls.clear()
    return ids


def amend(world: World, ids: list[int], payload: Any, **how: Any) -> list[int]:
    return operations.amend(ids, payload=payload, why="a typing error", origin=world.origin(), **how)


def refusals(*ids: int) -> list[tuple[int, dict[str, str]]]:
    """The `refused` rows in the log."""
    told = LoggedMove.objects.filter(reason="refused").order_by("occurrence_id", "number")
    return [
        (row.occurrence_id, dict(row.detail or {})) for row in told if not ids or row.occurrence_id in ids
    ]


# --- payloads ---


def test_an_edited_dead_letter_keeps_the_difference_and_its_next_attempt_is_told_the_new_payload(
    world: World,
) -> None:
    (row,) = dead(world)
    assert amend(world, [row], {"to": "Bob", "cc": ["Carol"]}) == [row]
    kept = LoggedMove.objects.latest("number")
    assert (kept.from_state, kept.to_state, kept.reason, kept.actor) == (
        "FAILED",
        "FAILED",
        "amended",
        "user:alice",
    )
    assert kept.detail == {
        "why": "a typing error",
        "changes": {"/cc": [None, ["Carol"]], "/to": ["nobody", "Bob"]},
    }
    occurrence = Occurrence.objects.get(pk=row)
    assert (occurrence.state, occurrence.reason) == ("FAILED", "rejected")

    operations.replay([row], why="mended", origin=world.origin())
    world.tick()
    assert [call.payload for call in handlers.Bidden.calls] == [{"to": "Bob", "cc": ["Carol"]}]
    assert Occurrence.objects.get(pk=row).state == "COMPLETED"


def test_its_own_payload_stays_its_own_when_its_rule_gets_another(world: World) -> None:
    row, other = dead(world, 2)
    amend(world, [row], {"to": "Bob"})
    rule = Rule.objects.get()
    rule.payload = {"to": "everybody"}
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    operations.replay([row, other], why="mended", origin=world.origin())
    world.now += timedelta(seconds=1)
    world.tick()
    told = {call.occurrence_id: call.payload for call in handlers.Bidden.calls}
    assert told == {row: {"to": "Bob"}, other: {"to": "everybody"}}


def test_a_second_edit_differs_from_the_first_and_an_edit_of_a_snapshot_from_that(world: World) -> None:
    (row,) = dead(world, snapshot=True)
    Rule.objects.update(payload={"to": "somebody else"})
    occurrence = Occurrence.objects.get(pk=row)
    assert queries.payload_of(occurrence) == ({"to": "nobody"}, Source.SNAPSHOT)
    amend(world, [row], {"to": "Bob"})
    amend(world, [row], {"from": None}, merge=True)
    amend(world, [row], {"to": None, "whom": {"name": "Bob"}}, merge=True)
    told = (
        LoggedMove.objects.filter(reason="amended")
        .order_by("number")
        .values_list("detail__changes", flat=True)
    )
    assert list(told) == [
        {"/to": ["nobody", "Bob"]},
        {},
        {"/to": ["Bob", None], "/whom": [None, {"name": "Bob"}]},
    ]
    occurrence.refresh_from_db()
    assert queries.payload_of(occurrence) == ({"whom": {"name": "Bob"}}, Source.OWN)


class Picky(Idempotent):
    """Calls nobody whose name does not begin with a capital."""

    name = "picky"

    def validate(self, payload: Any) -> None:
        if not str(payload.get("to", "")).istitle():
            raise InvalidPayload(
                field="payload.to", problem="it is no name", remedy="Begin it with a capital letter."
            )

    def handle(self, context: HandlerContext) -> Outcome:
        return Reject("nobody is at home")


@pytest.fixture
def picky(settings: Any, bidden_handlers: None) -> None:
    from events import handling

    settings.PUNCTUAL_HANDLERS = [*settings.PUNCTUAL_HANDLERS, f"{__name__}.Picky"]
    handling.installed.cache_clear()


def test_a_payload_that_its_handler_refuses_is_not_written_to_any_and_the_field_and_the_rows_are_named(
    world: World, picky: None
) -> None:
    ids = [row.pk for row in world.due(12, handler="picky", payload={"to": "Alice"})]
    world.sweep()
    with pytest.raises(InvalidAmendment) as refused:
        amend(world, ids, {"to": "bob"})
    first = ", ".join(str(number) for number in ids[:10])
    assert str(refused.value) == (
        "the new payload was refused; nothing was written.\n"
        f"- payload.to: it is no name (occurrences {first} and 2 more). Begin it with a capital letter."
    )
    assert not Occurrence.objects.exclude(payload=None).exists()
    assert not LoggedMove.objects.filter(reason="amended").exists()
    assert [number for number, _ in refusals()] == ids


def test_of_many_edits_one_that_is_wrong_prevents_all(world: World, picky: None) -> None:
    good, bad = (row.pk for row in world.due(2, handler="picky", payload={"to": "Alice"}))
    world.sweep()
    amend(world, [good], {"to": "Bob", "polite": True})
    rows = Occurrence.objects.filter(pk__in=[good, bad])
    Rule.objects.update(payload={"to": "carol"})  # as an older release of the handler may have taken it
    with pytest.raises(InvalidAmendment, match=rf"payload.to: it is no name \(occurrence {bad}\)"):
        operations.amend_found(rows, payload={"cc": "Dave"}, merge=True, why="x", origin=world.origin())
    assert LoggedMove.objects.filter(reason="amended").count() == 1
    assert refusals() == []


@pytest.mark.parametrize("payload", [["a"], "text", {"a": "\x00"}, {"a": float("nan")}, None])
@pytest.mark.parametrize("merge", [False, True])
def test_what_is_no_object_that_can_be_kept_is_no_payload(world: World, payload: Any, merge: bool) -> None:
    (row,) = dead(world)
    with pytest.raises(InvalidAmendment, match=rf"payload: it is not a JSON object .* \(occurrence {row}\)"):
        amend(world, [row], payload, merge=merge)
    assert Occurrence.objects.get(pk=row).payload is None


def test_without_its_handler_nobody_can_say_what_a_payload_is_worth(world: World, settings: Any) -> None:
    from events import handling

    (row,) = dead(world)
    settings.PUNCTUAL_HANDLERS = ["handlers.log.handler.LogHandler"]
    handling.installed.cache_clear()
    with pytest.raises(InvalidAmendment, match="handler: no handler called 'idempotent' is installed"):
        amend(world, [row], {})


@pytest.mark.parametrize("state", sorted(set(State) - {State.FAILED, State.UNKNOWN}))
def test_only_what_waits_for_a_person_is_edited(world: World, state: State) -> None:
    (row,) = world.due()
    put_into(row, state, world)
    with pytest.raises(NothingMoved, match=f"Nothing to edit: the chosen are {state}"):
        amend(world, [row.pk], {"to": "Bob"})
    assert Occurrence.objects.get().payload is None
    assert refusals() == [(row.pk, {"verb": "edit", "why": "a typing error", "state": state})]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # the examples of RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_applied_as_the_rfc_says(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": True}, {"/a": [1, True]}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"/a/c": [2, 3]}),
        ({"a/b": 1, "c~d": 1}, {"a/b": 2, "c~d": 2}, {"/a~1b": [1, 2], "/c~0d": [1, 2]}),
        ({"a": None}, {}, {"/a": [None, None]}),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, {"/a": [[1, {"b": 2}], [1, {"b": 3}]]}),
        ({"": 1}, {"": 2}, {"/": [1, 2]}),
        ({"a": {}}, {"a": [1]}, {"/a": [{}, [1]]}),
        ([], {}, {"": [[], {}]}),
    ],
)
def test_changes_are_told_by_json_pointer(before: Any, after: Any, told: dict[str, Any]) -> None:
    assert dict(changes(before, after)) == told


# --- many at once ---


def test_five_hundred_are_put_right_and_replayed_by_a_filter_in_one_action_each_and_what_is_done_stays_done(
    world: World,
) -> None:
    ids = dead(world, 500)
    done = [row.pk for row in world.due(500, name="done", handler="idempotent")]
    world.sweep()
    before = LoggedMove.objects.latest("number").number
    told: list[int] = []

    found = find_dead_letters(why="NO SUCH address")
    amended = operations.amend_found(
        found,
        payload={"to": "Bob"},
        merge=True,
        why="the address book",
        origin=world.origin(),
        tell=told.append,
    )
    replayed = operations.replay_found(found, why="mended", origin=world.origin(), tell=told.append)
    assert amended == replayed == ids
    assert told == [500, 500]
    log = LoggedMove.objects.filter(number__gt=before)
    assert (
        log.filter(
            reason="amended", occurrence_id__in=ids, detail__changes={"/to": ["nobody", "Bob"]}
        ).count()
        == 500
    )
    assert log.filter(reason="replayed", occurrence_id__in=ids, actor="user:alice").count() == 500
    assert log.count() == 1000
    world.tick()
    assert sorted(call.occurrence_id for call in handlers.Bidden.calls) == sorted([*ids, *done])
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}
    assert Occurrence.objects.filter(pk__in=done, attempt=1).count() == 500


def test_what_a_filter_finds_and_cannot_be_moved_is_left_without_a_word_in_its_log(world: World) -> None:
    (row,) = dead(world)
    (late,) = dead(world, name="late", expires_after=timedelta(minutes=10))
    world.now += timedelta(minutes=11)
    assert operations.replay_found(find_dead_letters(), why="x", origin=world.origin()) == [row]
    with pytest.raises(
        NothingMoved, match=r"Nothing to replay: the chosen are FAILED\. Only what is FAILED or UNKNOWN, not"
    ):
        operations.replay_found(find_dead_letters(), why="x", origin=world.origin())
    assert refusals() == []
    settled = operations.resolve_found(
        find_dead_letters(), to_state=State.CANCELLED, why="x", origin=world.origin()
    )
    assert settled == [late]
    with pytest.raises(NothingMoved, match="Nothing to edit: no such occurrence exists"):
        operations.amend_found(find_dead_letters(), payload={}, why="x", origin=world.origin())


def test_dead_letters_are_found_by_rule_handler_state_moment_and_what_their_last_attempt_said(
    world: World,
) -> None:
    (row,) = dead(world, name="first")
    rejects('line "7" is bad: 50% of \\it')
    world.now += timedelta(hours=1)
    (other,) = world.due(name="second", handler="non-idempotent")
    put_into(other, State.UNKNOWN, world)
    (third,) = world.due(name="third", handler="idempotent")
    world.sweep()

    def found(**wanted: Any) -> set[int]:
        return set(find_dead_letters(**wanted).values_list("pk", flat=True))

    assert found() == {row, other.pk, third.pk}
    assert found(rule=Rule.objects.get(name="first")) == {row}
    assert found(handler="idempotent") == {row, third.pk}
    assert found(states={State.UNKNOWN}) == {other.pk}
    assert found(since=world.now) == {other.pk, third.pk}
    assert found(until=world.now) == {row}
    assert found(why='"7" IS bad: 50% of \\') == {third.pk}
    assert found(why="no such address", handler="idempotent") == {row}
    assert found(why="500") == found(why="rule") == set()
    listed: list[Any] = list(find_dead_letters())
    assert {each.pk: each.why for each in listed} == {
        row: "no such address", other.pk: None, third.pk: 'line "7" is bad: 50% of \\it',
    }  # fmt: skip


# --- refused ---


@pytest.mark.parametrize("state", State)
def test_a_verb_that_does_not_fit_a_named_row_is_told_in_its_log_and_changes_nothing(
    world: World, state: State
) -> None:
    (row,) = world.due()
    put_into(row, state, world)
    kept = Occurrence.objects.values().get()
    verbs = {
        "fire now": lambda: operations.fire_now([row.pk], why="please", origin=world.origin()),
        "cancel": lambda: operations.cancel([row.pk], why="please", origin=world.origin()),
        "replay": lambda: operations.replay([row.pk], why="please", origin=world.origin()),
        "resolve": lambda: operations.resolve(
            [row.pk], to_state=State.COMPLETED, why="please", origin=world.origin()
        ),
    }
    fits = {
        "SCHEDULED": {"fire now", "cancel"}, "RETRYING": {"fire now", "cancel"}, "PENDING": {"cancel"},
        "FAILED": {"replay", "resolve"}, "UNKNOWN": {"replay", "resolve"},
    }.get(state, set())  # fmt: skip
    misfits = sorted(verbs.keys() - fits)
    for verb in misfits:
        with pytest.raises(NothingMoved, match=f"Nothing to {verb}: the chosen are {state}. Only what is"):
            verbs[verb]()
    assert refusals() == [(row.pk, {"verb": verb, "why": "please", "state": state}) for verb in misfits]
    assert set(
        LoggedMove.objects.filter(reason="refused").values_list("from_state", "to_state", "actor")
    ) == {(state, state, "user:alice")}
    assert Occurrence.objects.values().get() == kept


def test_of_several_named_rows_those_that_move_do_and_the_others_logs_tell_of_it(world: World) -> None:
    (row,) = dead(world)
    (done,) = world.due(name="done", handler="idempotent")
    world.sweep()
    operations.replay([row, done.pk, 987654321, -1, 2**70], why="again", origin=world.origin())
    assert refusals() == [(done.pk, {"verb": "replay", "why": "again", "state": "COMPLETED"})]
    assert world.story(done)[-1] == ("COMPLETED", "COMPLETED", "refused")
    assert Occurrence.objects.get(pk=row).state == "RETRYING"
    assert [move.detail for move in queries.story(done).moves][-1] == {"verb": "replay", "state": "COMPLETED"}


def test_rows_that_do_not_exist_leave_no_trace(world: World) -> None:
    with pytest.raises(NothingMoved, match="no such occurrence exists"):
        operations.cancel([1, 0, -5, 2**80], why="x", origin=world.origin())
    assert not LoggedMove.objects.exists()


def test_the_log_of_what_was_amended_and_refused_still_leads_to_where_every_row_stands(world: World) -> None:
    row, other = dead(world, 2)
    amend(world, [row], {"to": "Bob"})
    operations.replay([row], why="mended", origin=world.origin())
    world.tick()
    with pytest.raises(NothingMoved):
        operations.cancel([row, other], why="too late", origin=world.origin())
    amend(world, [other], {"to": "Carol"})
    assert audit_log().total == 0
