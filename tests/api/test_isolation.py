"""Charlie sees nothing of Alice's and changes nothing of it, at any address of the API's own document.

An address that is new and has no row here fails the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from events.api import api
from events.handling import Reject
from events.models import ApiKey, Occurrence
from tests.api.conftest import Account
from tests.engine import handlers

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

NDJSON = "application/x-ndjson"
HIDDEN_WORD = "wisteria"  # in all that Alice has


@dataclass(frozen=True)
class Call:
    """How an operation is called rightly; `names` are those of Alice's things in its path."""

    names: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    answered: tuple[int, ...] = (200, 201, 204)


SEEN = {"If_Match": '"1"'}
# Operations that name a thing of Alice's: by whomever else they are called they say 404, and change nothing.
OF_A_THING: dict[str, Call] = {
    "account_revoke_key": Call({"key_id": "key"}),
    "entities_show": Call({"kind": "kind", "external_id": "external_id"}),
    "entities_change": Call({"kind": "kind", "external_id": "external_id"}, {"name": "x"}, SEEN),
    "entities_delete": Call({"kind": "kind", "external_id": "external_id"}, None, SEEN),
    "rules_show": Call({"rule_id": "rule"}),
    "rules_change": Call({"rule_id": "rule"}, {"name": "x"}, SEEN),
    "rules_retire": Call({"rule_id": "rule"}, None, SEEN),
    "rules_pause": Call({"rule_id": "rule"}),
    "rules_resume": Call({"rule_id": "rule"}),
    "rules_upcoming": Call({"rule_id": "rule"}),
    "occurrences_show": Call({"occurrence_id": "occurrence"}),
    "occurrences_cancel": Call({"occurrence_id": "occurrence"}),
    "occurrences_replay": Call({"occurrence_id": "dead_letter"}),
    "occurrences_snooze": Call({"occurrence_id": "occurrence"}, {"for": "1h"}),
    "reminders_show": Call({"reminder_id": "reminder"}),
    "reminders_change": Call({"reminder_id": "reminder"}, {"text": "x"}, SEEN),
    "reminders_delete": Call({"reminder_id": "reminder"}, None, SEEN),
    "reminders_done": Call({"reminder_id": "reminder"}),
    "reminders_skip_next": Call({"reminder_id": "reminder"}),
    "reminders_snooze": Call({"reminder_id": "reminder"}, {"for": "1h"}),
    "triggers_show": Call({"function": "function", "event_id": "external_id"}),
    "triggers_withdraw": Call({"function": "function", "event_id": "external_id"}),
    "groups_show": Call({"group_id": "group"}),
    "groups_drop": Call({"group_id": "group", "position": "position"}),
    "groups_flush": Call({"group_id": "group"}),
    "groups_cancel": Call({"group_id": "group"}),
    "group_types_show": Call({"name": "type"}),
    "group_types_retire": Call({"name": "type"}, None, SEEN),
    "occurrences_resolve": Call({"occurrence_id": "dead_letter"}, {"state": "COMPLETED"}),
}
# Operations that read or write what is the caller's own: they tell nothing of Alice's, and change nothing of it.
OF_ONES_OWN: dict[str, Call] = {
    "account_show": Call(),
    "account_change": Call(body={"timezone": "Asia/Tokyo"}),
    "account_keys": Call(),
    "account_make_key": Call(body={"name": "more"}),
    "entities_show_all": Call(),
    "entities_put": Call({"kind": "kind", "external_id": "external_id"}, {"timezone": "UTC"}),
    "bulk_put_in_bulk": Call(
        body=b'{"kind": "person", "external_id": "wisteria", "timezone": "UTC"}',
        headers={"Content_Type": NDJSON},
    ),
    "rules_show_all": Call(),
    "rules_create": Call(
        body={"name": "mine", "audience_kind": "person", "handler": "log", "phrase": "every day at 9"}
    ),
    "occurrences_show_all": Call(),
    "reminders_show_all": Call(),
    "reminders_show_past": Call(),
    "reminders_create": Call(body={"text": "tea", "phrase": "tomorrow at 9"}),
    "triggers_show_all": Call(),
    "triggers_put": Call(
        body={"function": "log", "event_id": HIDDEN_WORD, "trigger_at": "2031-01-01T00:00:00Z"}
    ),
    "groups_show_all": Call(),
    "groups_take": Call(
        body={"type": HIDDEN_WORD, "id": HIDDEN_WORD, "execute_at": "2031-01-01T00:00:00Z", "data": [1]},
        answered=(422,),  # a type of Alice's is none of Charlie's
    ),
    "group_types_show_all": Call(),
    "group_types_put": Call({"name": "type"}, {"handler": "log"}),
    "preview_show": Call(body={"cron": "0 9 * * *", "timezone": "UTC"}),
    "preview_read": Call(body={"phrase": "every day at 9", "timezone": "UTC"}),
}
# They need no key.
OF_NOBODY = {"account_log_in", "account_register"}


def operations() -> dict[str, tuple[str, str]]:
    """Method and path of each operation in the document."""
    paths = api.get_openapi_schema(path_prefix="")["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


OPERATIONS = operations()


@pytest.fixture
def things(alice: Account, world: World) -> dict[str, str]:
    """Alice has one of everything; the names of them."""
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    alice.put(f"/entities/person/{HIDDEN_WORD}", {"timezone": "UTC", "name": HIDDEN_WORD})
    given = {
        "name": f"of {HIDDEN_WORD}", "audience_kind": "person", "handler": "idempotent", "rrule": "FREQ=DAILY",
        "start_date": world.now.date().isoformat(), "local_time": "09:00", "payload": {"text": HIDDEN_WORD},
    }  # fmt: skip
    rule = alice.post("/rules", given).json()["id"]
    dead = Occurrence.objects.filter(rule=rule).latest("id")
    Occurrence.objects.filter(pk=dead.pk).update(
        available_at=world.now - timedelta(hours=1), due_at=world.now
    )
    world.sweep()
    assert Occurrence.objects.get(pk=dead.pk).state == "FAILED"
    reminder = alice.post("/reminders", {"text": HIDDEN_WORD, "phrase": "every day at 9:00"})
    when = "2031-01-01T00:00:00Z"
    made = [
        alice.put(f"/group-types/{HIDDEN_WORD}", {"handler": "log"}),
        alice.post(
            "/groups", {"type": HIDDEN_WORD, "id": HIDDEN_WORD, "execute_at": when, "data": [HIDDEN_WORD]}
        ),
        alice.post("/triggers", {"function": "log", "event_id": HIDDEN_WORD, "trigger_at": when}),
        reminder,
    ]
    assert [answer.status_code for answer in made] == [201] * 4, [answer.content for answer in made]
    waiting = Occurrence.objects.filter(rule=rule, state="SCHEDULED").earliest("id")
    return {
        "key": str(ApiKey.objects.get(owner=alice.user).pk),
        "kind": "person",
        "external_id": HIDDEN_WORD,
        "rule": str(rule),
        "occurrence": str(waiting.pk),
        "dead_letter": str(dead.pk),
        "reminder": str(reminder.json()["id"]),
        "function": "log",
        "type": HIDDEN_WORD,
        "group": str(made[1].json()["group"]),
        "position": "1",
    }


def send(caller: Account, operation: str, call: Call, things: dict[str, str]) -> Any:
    method, path = OPERATIONS[operation]
    names = {name: things[thing] for name, thing in call.names.items()}
    return caller.call(method, path.format(**names), call.body, **call.headers)


def everything_of(owner: int) -> list[Any]:
    """All rows of an account, but for when its key was used."""
    statements = [
        "SELECT * FROM events_entity WHERE owner_id = %(owner)s",
        "SELECT * FROM events_rule WHERE owner_id = %(owner)s",
        "SELECT o.* FROM events_occurrence o JOIN events_rule r ON r.id = o.rule_id WHERE owner_id = %(owner)s",
        """SELECT t.* FROM events_move t JOIN events_occurrence o ON o.id = t.occurrence_id
           JOIN events_rule r ON r.id = o.rule_id WHERE owner_id = %(owner)s""",
        """SELECT t.* FROM events_grouptype t JOIN events_rule r ON r.id = t.rule_id WHERE owner_id = %(owner)s""",
        """SELECT g.*, i.* FROM events_groupitem i JOIN events_group g ON g.id = i.group_id
           JOIN events_grouptype t ON t.id = g.type_id JOIN events_rule r ON r.id = t.rule_id
           WHERE owner_id = %(owner)s""",
        "SELECT id, name, scope, revoked_at FROM events_apikey WHERE owner_id = %(owner)s",
        "SELECT * FROM auth_user WHERE id = %(owner)s",
    ]
    found = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"{statement} ORDER BY 1", {"owner": owner})
            found.append(cursor.fetchall())
    return found


def test_every_operation_has_its_row() -> None:
    rows = {*OF_A_THING, *OF_ONES_OWN, *OF_NOBODY}
    assert rows == set(OPERATIONS)
    in_path = {name for name, (_, path) in OPERATIONS.items() if "{" in path}
    assert in_path == {*OF_A_THING} | {name for name, call in OF_ONES_OWN.items() if call.names}


@pytest.mark.parametrize("operation", OF_A_THING)
def test_what_is_anothers_is_not_there(
    operation: str, alice: Account, charlie: Account, things: dict[str, str]
) -> None:
    before = everything_of(alice.user.pk)
    refused = send(charlie, operation, OF_A_THING[operation], things)
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/missing")
    assert everything_of(alice.user.pk) == before
    # It is no fault of the call: to Alice herself it is there.
    call = OF_A_THING[operation]
    assert send(alice, operation, call, things).status_code in call.answered


@pytest.mark.parametrize("operation", OF_ONES_OWN)
def test_what_is_ones_own_has_nothing_of_anothers(
    operation: str, alice: Account, charlie: Account, things: dict[str, str]
) -> None:
    before = everything_of(alice.user.pk)
    answer = send(charlie, operation, OF_ONES_OWN[operation], things)
    assert answer.status_code in OF_ONES_OWN[operation].answered, answer.content
    told = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if OPERATIONS[operation][0] == "GET":
        assert HIDDEN_WORD.encode() not in told
        assert b"alice" not in told
    assert everything_of(alice.user.pk) == before


def test_without_a_key_nothing_is_there_at_all(alice: Account, things: dict[str, str]) -> None:
    before = everything_of(alice.user.pk)
    nobody = Account(alice.user, "")
    for operation, call in {**OF_A_THING, **OF_ONES_OWN}.items():
        refused = send(nobody, operation, call, things)
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer"), operation
    assert everything_of(alice.user.pk) == before


@pytest.mark.parametrize(
    "query", ["", "?rule={rule}", "?entity=person/{external_id}", "?when=upcoming", "?when=past"]
)
def test_no_filter_finds_what_is_anothers(charlie: Account, things: dict[str, str], query: str) -> None:
    assert charlie.get(f"/occurrences{query.format(**things)}").json() == {"items": [], "next": None}
