"""Reminders: a thought, a person, and when. A reminder is a rule of one entity; what it fires is history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction

from events import planning, transitions
from events.errors import InvalidField, PunctualError
from events.lifecycle import UNSENT, State
from events.models import Entity, Occurrence, Rule, RuleRole, RuleState
from events.operations.errors import InvalidInput, Refusal, storable
from events.operations.payloads import check_object, check_payload
from events.operations.reminder_times import WAYS, as_said, time_columns, way_of
from events.operations.rule_checks import InvalidRule, check_rule
from events.operations.rules import (
    RetiredRule,
    change_rule,
    create_rule,
    pause_rule,
    resume_rule,
    retire_rule,
)
from events.operations.snoozes import snooze, snoozed_until
from events.timing import canonical_zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from events.transitions import Origin

LONGEST_TEXT = 2_000
# Local times of one instant lie up to 26 hours apart, and a window that changes its zone is longer by as much.
BEYOND_A_WINDOW = timedelta(hours=27)


class InvalidReminder(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


class NothingToSkip(PunctualError):
    """Nothing of reminder {id} is to come, so there is nothing to skip. Look at its past, or give it another time."""


class NothingToSnooze(PunctualError):
    """Nothing of reminder {id} has fired or is to come, so there is nothing to put off. Give it another time."""


@dataclass(frozen=True, slots=True)
class ReminderGiven:
    """What is asked for: None is what is not said. `when` has one of WAYS, and what stands beside it, as text."""

    text: str | None = None
    when: Mapping[str, str] = field(default_factory=dict)
    handler: str | None = None
    payload: Mapping[str, Any] | None = None


def new_reminder(given: ReminderGiven, *, person: Entity, default_handler: str, now: datetime) -> Rule:
    """The reminder as a rule that is not written yet, in the account of its person. Raises InvalidReminder."""
    rule = Rule(
        owner_id=person.owner_id, role=RuleRole.REMINDER, name=f"reminder {uuid4().hex}", entity=person,
        handler=given.handler or default_handler,
    )  # fmt: skip
    _put(rule, given, now)
    return rule


def create_reminder(rule: Rule, *, horizon: timedelta, origin: Origin) -> Rule:
    """Write a new reminder, and what of it comes soon. Raises InvalidRule."""
    return create_rule(rule, horizon=horizon, origin=origin)


@transaction.atomic
def change_reminder(
    rule: Rule,
    given: ReminderGiven,
    *,
    paused: bool | None = None,
    horizon: timedelta,
    origin: Origin,
    expected_version: int | None = None,
) -> None:
    """Give the reminder what is given in place of what it had, and let it rest or go on: what is to come follows.

    Raises InvalidReminder, RetiredRule, StaleVersion. The rule is then as it was written.
    """
    if rule.state == RuleState.RETIRED:
        raise RetiredRule(name=rule.name)
    if given != ReminderGiven():
        _put(rule, given, origin.now, before=Rule.objects.get(pk=rule.pk))
        change_rule(rule, horizon=horizon, origin=origin, expected_version=expected_version)
        expected_version = None
    if paused is not None:
        turn = pause_rule if paused else resume_rule
        turn(rule, origin=origin, expected_version=expected_version)


def finish_reminder(rule: Rule, *, why: str, origin: Origin, expected_version: int | None = None) -> int:
    """It is done: nothing more of it comes, its past stays; how many rows were withdrawn. Raises StaleVersion."""
    return retire_rule(rule, why=why, origin=origin, expected_version=expected_version)


def text_of(payload: Mapping[str, Any]) -> str:
    """The thought, in what a handler is told."""
    data = payload.get("data")
    return str(payload.get("text", data.get("text", "") if isinstance(data, dict) else ""))


@transaction.atomic
def skip_next(rule: Rule, *, why: str, origin: Origin) -> int:
    """Cancel the next one alone; its id. It is planned first where it lies beyond what is. Raises NothingToSkip."""
    planning.alone(planning.kind_of(rule))
    rule = Rule.objects.select_related("entity", "calendar").get(pk=rule.pk)
    if rule.state == RuleState.RETIRED:
        raise RetiredRule(name=rule.name)
    row = _planned_next(rule, origin)
    if row is None or not transitions.cancel([row.pk], why=why or "skipped", origin=origin):
        raise NothingToSkip(id=rule.pk)
    return row.pk


def _planned_next(rule: Rule, origin: Origin, *, within: timedelta | None = None) -> Occurrence | None:
    """The next one, planned where it lies beyond what is, if `within` so long. The caller holds `alone`."""
    row, beyond = _next(rule), _next_beyond(rule, origin.now)
    if beyond is None or (row is not None and row.due_at <= beyond):
        return row
    if within is not None and beyond - origin.now > within:
        return row
    until = beyond + (rule.window + BEYOND_A_WINDOW if rule.window else timedelta(seconds=1))
    planning.plan_rule(rule, until=until, origin=origin)
    return _next(rule)


def _next(rule: Rule) -> Occurrence | None:
    unsent = Occurrence.objects.filter(rule=rule, entity=rule.entity, state__in=sorted(UNSENT))
    return unsent.order_by("due_at", "id").first()


def _next_beyond(rule: Rule, now: datetime) -> datetime | None:
    """The first moment that has no row yet because nothing is planned so far ahead."""
    person = _person(rule)
    found = planning.next_firings_of(
        rule, timezone=rule.timezone or person.timezone, anchor=None, leap=person.leap,
        after=max(now, rule.planned_until or now), limit=1,
    )  # fmt: skip
    return found[0].due_at if found else None


def snooze_reminder(rule: Rule, *, until: str | None, length: str | None, why: str, origin: Origin) -> int:
    """Put off what a person means who says so now; the id of the row that stands for it.

    That is the one that was put off already, if it is still to come; or else, of the last that fired and the next that
    will, the nearer one. Raises Refusal (field "until" or "for"), NothingToSnooze, NotSnoozed, RetiredRule.
    """
    row = _meant(rule, origin)
    at = snoozed_until(until, length, of=row, now=origin.now)
    return snooze(row.pk, until=at, why=why, origin=origin)


@transaction.atomic
def _meant(rule: Rule, origin: Origin) -> Occurrence:
    planning.alone(planning.kind_of(rule))
    rule.refresh_from_db()
    rows = Occurrence.objects.filter(rule=rule)
    coming = rows.filter(state__in=sorted(UNSENT)).order_by("due_at", "id")
    put_off = coming.filter(given=True).first()
    if put_off is not None:
        return put_off
    fired = rows.filter(state__in=(State.COMPLETED, State.SKIPPED, State.PROCESSING))
    came, ahead = fired.order_by("-due_at", "-id").first(), coming.first()
    if rule.state != RuleState.RETIRED:
        ahead = _planned_next(rule, origin, within=abs(came.due_at - origin.now) if came else None)
    found = [row for row in (ahead, came) if row is not None]
    if not found:
        raise NothingToSnooze(id=rule.pk)
    return min(found, key=lambda row: abs(row.due_at - origin.now))


def _person(rule: Rule) -> Entity:
    assert rule.entity is not None  # a reminder is a rule of one entity
    return rule.entity


def _put(rule: Rule, given: ReminderGiven, now: datetime, before: Rule | None = None) -> None:
    """Give the rule what is given. Raises InvalidReminder with all that is wrong."""
    refusals: list[InvalidField] = []
    way = next((name for name in WAYS if name in given.when), "at")
    for part in (_put_text, _put_handler, _put_time):
        try:
            part(rule, given, now)
        except InvalidField as refusal:
            refusals.append(refusal)
    if not refusals:
        try:
            check_rule(rule, now=now, before=before)
        except InvalidRule as refused:
            refusals += [as_said(each, way) for each in refused.refusals]
    if refusals:
        raise InvalidReminder("the reminder", refusals)


def _put_time(rule: Rule, given: ReminderGiven, now: datetime) -> None:
    is_said = any(name in given.when for name in WAYS)
    if rule.pk and not is_said:
        if "dtstart" in given.when:
            way_of(given.when)
        if "timezone" in given.when:
            rule.timezone = canonical_zone(given.when["timezone"])
        return
    for name, value in time_columns(given.when, person=_person(rule), now=now).items():
        setattr(rule, name, value)


def _put_handler(rule: Rule, given: ReminderGiven, now: datetime) -> None:  # noqa: ARG001 - one signature for all parts
    if given.handler is not None:
        rule.handler = given.handler


def _put_text(rule: Rule, given: ReminderGiven, now: datetime) -> None:  # noqa: ARG001
    """The thought within the payload: as `text`, or, of a handler that takes no keys but its own, within its `data`."""
    if given.text is None and given.payload is None and rule.pk:
        return
    text = text_of(rule.payload) if given.text is None else given.text.strip()
    if not text or len(text) > LONGEST_TEXT or not storable(text):
        problem = (
            "it is empty" if not text else f"it is longer than {LONGEST_TEXT:,} characters, or no plain text"
        )
        raise Refusal(field="text", problem=problem, remedy="Say of what to remind, in a sentence.")
    kept = rule.payload if given.payload is None else given.payload
    check_object("payload", kept)
    bare = {name: value for name, value in kept.items() if name != "text"}
    handler = given.handler or rule.handler
    try:
        check_payload(handler, bare | {"text": text})
        rule.payload = bare | {"text": text}
    except InvalidField as refusal:
        data = bare.get("data", {})
        if refusal.field != "payload.text" or not isinstance(data, dict):
            raise
        rule.payload = bare | {"data": data | {"text": text}}
