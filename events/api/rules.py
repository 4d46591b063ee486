"""Rules: when something happens, for whom, and what."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from events import clock, operations, queries
from events.api.callers import caller_of, origin_of, owned
from events.api.given import BY_API, VERSIONED, Answered, JsonObject, MaybeWhy, why_of
from events.api.pages import Paging, page_of
from events.api.problems import Missing
from events.api.rule_columns import DESCRIBED, RuleShown
from events.api.shown import Firing
from events.api.versions import put_version, seen_version
from events.models import Rule, RuleRole, RuleState
from events.operations import InvalidRule, RetiredRule

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)
router = Router(tags=["rules"])

CHANGED = {**VERSIONED, **DESCRIBED}
HowMany = Annotated[int, Query(ge=1, le=200)]


class RulePage(Answered):
    """A page of rules, by name."""

    items: list[RuleShown]
    next: str | None


class RuleFilter(Paging):
    """Which rules."""

    state: Literal["active", "paused", "retired"] | None = None


class Firings(Answered):
    """What the calendar says, written or not."""

    sentence: str
    items: list[Firing]


@router.get("/rules", response=RulePage)
def show_all(request: HttpRequest, wanted: Query[RuleFilter]) -> dict[str, Any]:
    """The account's rules."""
    rows = _rules(request)
    if wanted.state is not None:
        rows = rows.filter(state=wanted.state)
    items, further = page_of(request, rows, wanted, by=("name",))
    return {"items": [_written(rule) for rule in items], "next": further}


@router.post("/rules", response={201: RuleShown}, openapi_extra=DESCRIBED)
def create(request: HttpRequest, response: HttpResponse, given: JsonObject) -> dict[str, Any]:
    """A new rule, with the occurrences of the coming hours. A phrase may stand in place of the recurrence."""
    origin = origin_of(request)
    rule = operations.rule_of(given, owner=caller_of(request).owner_id, now=origin.now)
    try:
        operations.create_rule(rule, horizon=settings.PUNCTUAL_HORIZON, origin=origin)
    except InvalidRule as refused:
        raise operations.blame_shorthand(refused, given) from refused
    response["Location"] = f"{request.path}/{rule.pk}"
    return _told(response, rule)


@router.get("/rules/{int:rule_id}", response=RuleShown)
def show(request: HttpRequest, response: HttpResponse, rule_id: int) -> dict[str, Any]:
    """One rule."""
    return _told(response, _one(request, rule_id))


@router.patch("/rules/{int:rule_id}", response=RuleShown, openapi_extra=CHANGED)
def change(request: HttpRequest, response: HttpResponse, rule_id: int, given: JsonObject) -> dict[str, Any]:
    """Change a rule in part: what is planned follows. A key that is null has its default."""
    known, seen, origin = _one(request, rule_id), seen_version(request), origin_of(request)
    rule = operations.rule_of(given, owner=caller_of(request).owner_id, now=origin.now, known=known)
    try:
        operations.change_rule(rule, horizon=settings.PUNCTUAL_HORIZON, origin=origin, expected_version=seen)
    except InvalidRule as refused:
        raise operations.blame_shorthand(refused, given) from refused
    return _told(response, rule)


@router.delete("/rules/{int:rule_id}", response={204: None}, openapi_extra=VERSIONED)
def retire(request: HttpRequest, rule_id: int) -> None:
    """End a rule for good: what was not sent is cancelled, its history stays."""
    rule, seen = _one(request, rule_id), seen_version(request)
    operations.retire_rule(rule, why=BY_API, origin=origin_of(request), expected_version=seen)


@router.post("/rules/{int:rule_id}/pause", response=RuleShown)
def pause(
    request: HttpRequest, response: HttpResponse, rule_id: int, given: MaybeWhy = None
) -> dict[str, Any]:
    """Let nothing of the rule start until it is resumed."""
    return _turned(request, response, _one(request, rule_id), "pause", why_of(given))


@router.post("/rules/{int:rule_id}/resume", response=RuleShown)
def resume(
    request: HttpRequest, response: HttpResponse, rule_id: int, given: MaybeWhy = None
) -> dict[str, Any]:
    """Let the rule start again; what was held back goes by its catch-up policy."""
    return _turned(request, response, _one(request, rule_id), "resume", why_of(given))


@router.get("/rules/{int:rule_id}/next", response=Firings)
def upcoming(request: HttpRequest, rule_id: int, limit: HowMany = 10) -> dict[str, Any]:
    """When the rule fires next, by the calendar; of random moments, within which window."""
    rule = _one(request, rule_id)
    found = (
        queries.next_firings(rule, now=clock.now(), limit=limit) if rule.state != RuleState.RETIRED else []
    )
    return {"sentence": queries.when_in_words(rule), "items": [_firing(one, rule) for one in found]}


def _firing(one: queries.NextFiring, rule: Rule) -> dict[str, Any]:
    hidden = rule.window is not None
    return {
        "slot": one.slot.isoformat(),
        "due_at": None if hidden else one.due_at,
        "local": None if hidden else one.local,
        "timezone": one.timezone,
        "hidden": hidden,
        "opens": one.due_at if hidden else None,
        "closes": one.closes,
        "note": one.note,
        "whose": one.whose,
    }


def _turned(request: HttpRequest, response: HttpResponse, rule: Rule, verb: str, why: str) -> dict[str, Any]:
    if rule.state == RuleState.RETIRED:
        raise RetiredRule(name=rule.name)
    turn = operations.pause_rule if verb == "pause" else operations.resume_rule
    origin = origin_of(request)
    turn(rule, origin=origin)
    logger.info("rule %s: %s by %s: %s", rule.pk, verb, origin.actor, why)
    return _told(response, rule)


def _rules(request: HttpRequest) -> QuerySet[Rule]:
    """Reminders and the like are rules too, and have addresses of their own."""
    mine = owned(Rule, caller_of(request)).filter(role=RuleRole.RULE)
    return mine.select_related("entity", "calendar")


def _one(request: HttpRequest, rule_id: int) -> Rule:
    rule = _rules(request).filter(pk=rule_id).first() if rule_id <= queries.LARGEST_ID else None
    if rule is None:
        raise Missing(f"rule {rule_id}")
    return rule


def _told(response: HttpResponse, rule: Rule) -> dict[str, Any]:
    put_version(response, rule.version)
    return _written(rule)


def _written(rule: Rule) -> dict[str, Any]:
    kept = ("id", "state", "version", "created_at", "updated_at")
    told = {name: getattr(rule, name) for name in kept}
    return {**told, "when": queries.when_in_words(rule), **operations.written_rule(rule)}
