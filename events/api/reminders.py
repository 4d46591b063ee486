"""Reminders: a thought, a person, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status

from events import clock, operations, queries
from events.api.callers import caller_of, origin_of, owned
from events.api.given import BY_API, VERSIONED, MaybeWhy, Why, why_of
from events.api.pages import Paging, page_of
from events.api.problems import Missing
from events.api.reminder_forms import ChangedReminder, NewReminder, PastPage, ReminderPage, ReminderShown
from events.api.shown import EntityName, Shown, name_of, shown
from events.api.versions import put_version, seen_version
from events.models import Entity, Occurrence, Rule, RuleState
from events.operations import ReminderGiven
from events.operations.errors import Refusal
from events.queries.reminders import PAST_ORDER, coming, live_reminders, local_of, past, reminders, snoozes_of

if TYPE_CHECKING:
    from datetime import datetime

    from events.queries.reminders import Coming
    from events.transitions import Origin

router = Router(tags=["reminders"])

TIMES = ("at", "phrase", "rrule", "cron", "every", "within", "dtstart", "timezone")
STATES = {RuleState.ACTIVE: "active", RuleState.PAUSED: "paused", RuleState.RETIRED: "done"}


class Snoozed(Why):
    """Until when: a local time, an instant or a phrase; or for how long from now, or from its moment if it is ahead."""

    until: str | None = Field(None, max_length=500, examples=["tomorrow at 9am"])
    length: str | None = Field(None, alias="for", max_length=60, examples=["30 min"])


@router.get("/reminders", response=ReminderPage, by_alias=True)
def show_all(request: HttpRequest, wanted: Query[Paging]) -> dict[str, Any]:
    """The account's reminders of which something is to come, or waits for somebody, as they were made.

    One that is over and was not tidied away yet is left out, so that a page may be shorter than its limit.
    """
    rules, further = page_of(request, live_reminders(caller_of(request).owner_id), wanted, by=("id",))
    nexts = coming(rules, now=clock.now())
    return {"items": [_told(rule, nexts[rule.pk]) for rule in rules if rule.pk in nexts], "next": further}


@router.get("/reminders/past", response=PastPage)
def show_past(request: HttpRequest, wanted: Query[Paging]) -> dict[str, Any]:
    """What fired, the latest first, each with the snoozes that led to it."""
    rows, further = page_of(request, past(caller_of(request).owner_id), wanted, by=PAST_ORDER)
    snoozes = snoozes_of(row.pk for row in rows)
    return {
        "items": [
            {
                **shown(row),
                "text": operations.text_of(row.payload or row.rule.payload),
                "snoozes": [_snooze(each) for each in snoozes[row.pk]],
            }
            for row in rows
        ],
        "next": further,
    }


@router.post("/reminders", response={200: ReminderShown, 201: ReminderShown}, by_alias=True)
def create(request: HttpRequest, response: HttpResponse, given: NewReminder) -> Status[dict[str, Any]]:
    """A new reminder, said back in words; with dry_run nothing is written."""
    origin = origin_of(request)
    with transaction.atomic():
        rule = operations.new_reminder(
            _given(given),
            person=_person(request, given.whom, origin),
            default_handler=settings.PUNCTUAL_REMINDER_HANDLER,
            now=origin.now,
        )
        if not given.dry_run:
            operations.create_reminder(rule, horizon=settings.PUNCTUAL_HORIZON, origin=origin)
        told = _now(rule, origin.now)
        transaction.set_rollback(given.dry_run)  # the account's own person may be new, too
    if given.dry_run:
        return Status(200, told)
    response["Location"] = f"{request.path}/{rule.pk}"
    put_version(response, rule.version)
    return Status(201, told)


@router.get("/reminders/{int:reminder_id}", response=ReminderShown, by_alias=True)
def show(request: HttpRequest, response: HttpResponse, reminder_id: int) -> dict[str, Any]:
    """One reminder."""
    return _answer(response, _one(request, reminder_id))


@router.patch("/reminders/{int:reminder_id}", response=ReminderShown, by_alias=True, openapi_extra=VERSIONED)
def change(
    request: HttpRequest, response: HttpResponse, reminder_id: int, given: ChangedReminder
) -> dict[str, Any]:
    """Change a reminder: what is to come follows."""
    rule, seen = _one(request, reminder_id), seen_version(request)
    operations.change_reminder(
        rule,
        _given(given),
        paused=given.paused,
        horizon=settings.PUNCTUAL_HORIZON,
        origin=origin_of(request),
        expected_version=seen,
    )
    return _answer(response, rule)


@router.delete("/reminders/{int:reminder_id}", response={204: None}, openapi_extra=VERSIONED)
def delete(request: HttpRequest, reminder_id: int) -> None:
    """Let nothing more of it come. What came stays among the past."""
    rule, seen = _one(request, reminder_id), seen_version(request)
    operations.finish_reminder(rule, why=BY_API, origin=origin_of(request), expected_version=seen)


@router.post("/reminders/{int:reminder_id}/done", response=ReminderShown, by_alias=True)
def done(
    request: HttpRequest, response: HttpResponse, reminder_id: int, given: MaybeWhy = None
) -> dict[str, Any]:
    """The same without a version, for it is done: nothing more of it comes."""
    rule = _one(request, reminder_id)
    why = given.reason if given and given.reason.strip() else "done"
    operations.finish_reminder(rule, why=why, origin=origin_of(request))
    return _answer(response, _one(request, reminder_id))


@router.post("/reminders/{int:reminder_id}/skip-next", response=Shown)
def skip_next(request: HttpRequest, reminder_id: int, given: MaybeWhy = None) -> dict[str, Any]:
    """Let the next one not come, and that one alone."""
    rule = _one(request, reminder_id)
    return _occurrence(operations.skip_next(rule, why=why_of(given), origin=origin_of(request)))


@router.post("/reminders/{int:reminder_id}/snooze", response=Shown)
def snooze(request: HttpRequest, reminder_id: int, given: Snoozed) -> dict[str, Any]:
    """Put off the one that is meant now: of the last that came and the next to come the nearer one.

    One that was put off already, and is still to come, is put off further. The answer is what stands for it.
    """
    rule = _one(request, reminder_id)
    number = operations.snooze_reminder(
        rule, until=given.until, length=given.length, why=why_of(given), origin=origin_of(request)
    )
    return _occurrence(number)


def _person(request: HttpRequest, whom: EntityName | None, origin: Origin) -> Entity:
    """For whom it is. Raises Refusal (field "for")."""
    caller = caller_of(request)
    if whom is None:
        return operations.own_person(caller.user, origin=origin)
    known = owned(Entity, caller).filter(kind=whom.kind, external_id=whom.external_id, deleted_at=None)
    person = known.first()
    if person is None:
        problem = f"there is no {whom.kind} {whom.external_id!r} of yours"
        raise Refusal(field="for", problem=problem, remedy="Put it first, or leave it out for yourself.")
    return person


def _given(given: NewReminder | ChangedReminder) -> ReminderGiven:
    when = {name: getattr(given, name) for name in TIMES}
    return ReminderGiven(
        text=given.text,
        when={name: value for name, value in when.items() if value is not None},
        handler=given.handler,
        payload=given.payload,
    )


def _one(request: HttpRequest, reminder_id: int) -> Rule:
    rows = reminders(caller_of(request).owner_id)
    rule = rows.filter(pk=reminder_id).first() if reminder_id <= queries.LARGEST_ID else None
    if rule is None:
        raise Missing(f"reminder {reminder_id}")
    return rule


def _occurrence(number: int) -> dict[str, Any]:
    return shown(Occurrence.objects.select_related("rule", "entity").get(pk=number))


def _answer(response: HttpResponse, rule: Rule) -> dict[str, Any]:
    put_version(response, rule.version)
    return _now(rule, clock.now())


def _now(rule: Rule, now: datetime) -> dict[str, Any]:
    return _told(rule, coming([rule], now=now).get(rule.pk))


def _told(rule: Rule, one: Coming | None) -> dict[str, Any]:
    assert rule.entity is not None
    waits = one is not None and one.state in queries.DEAD_LETTERS
    due_at = None if one is None or waits else one.due_at
    return {
        "id": rule.pk,
        "text": operations.text_of(rule.payload),
        "for": name_of(rule.entity),
        "state": STATES[RuleState(rule.state)],
        "sentence": queries.when_in_words(rule),
        "due_at": due_at,
        "local": due_at and local_of(rule, due_at),
        "hidden": one is not None and one.hidden,
        "closes": one and one.closes,
        "snoozed": one is not None and one.is_snoozed,
        "waiting": one.state if one and waits else None,
        "occurrence": one and one.occurrence_id,
        "handler": rule.handler,
        "payload": rule.payload,
        "version": rule.version,
    }


def _snooze(each: Any) -> dict[str, Any]:
    return {
        "occurrence": each.occurrence_id,
        "was_due_at": each.was_due_at,
        "until": each.until,
        "at": each.at,
        "reason": each.why,
    }
