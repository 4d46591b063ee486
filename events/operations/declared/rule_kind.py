"""Rules as a file declares them: their entity by kind and external id, their calendar by name."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from events import planning
from events.errors import InvalidField
from events.models import Calendar, Entity, Rule, RuleRole, RuleState
from events.operations.declared.columns import column_of, lines_of, mapping_of, one_of, text_of, zone_of
from events.operations.declared.given import refuse
from events.operations.declared.kinds import Kind
from events.operations.declared.shorthands import EXCLUDED, check_alone, with_ics, with_phrase
from events.operations.rule_checks import EDITABLE, check_rule, has_same_moments
from events.operations.rules import change_rule, create_rule, pause_rule, resume_rule, retire_rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.db.models import QuerySet

    from events.operations.declared.given import Given
    from events.operations.declared.kinds import Declaration, Declared, Doing

WHY_ENDED = "no file declares it any more"
# Files declare the operators' rules: what an account has is its own affair.
OPERATORS_OWN = Rule.objects.filter(owner=None, role=RuleRole.RULE)
NAMED = [field for field in Rule._meta.concrete_fields if field.name in EDITABLE]


class Whom(NamedTuple):
    """An entity by its names."""

    kind: str
    external_id: str


def _read_entity(name: str, given: Given) -> Whom:
    return Whom(*mapping_of(name, given, Whom._fields))


def _put_entity(rule: Rule, whom: Whom | None) -> None:
    if whom is None:
        rule.entity = None
        return
    found = Entity.objects.filter(
        owner=None, kind=whom.kind, external_id=whom.external_id, deleted_at=None
    ).first()
    if found is None:
        refuse(
            "entity", f"there is no {whom.kind} {whom.external_id!r}", "Import it first, or name another one."
        )
    rule.entity = found


def _put_calendar(rule: Rule, name: str | None) -> None:
    if name is None:
        rule.calendar = None
        return
    rule.calendar = Calendar.objects.filter(name=name).first()
    if rule.calendar is None:
        names = list(Calendar.objects.values_list("name", flat=True)[:1000])
        close = get_close_matches(name, names, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Declare it under calendars."
        refuse("calendar", f"there is no calendar {name!r}", remedy)


SPECIAL: dict[str, dict[str, Any]] = {
    "entity": {
        "read": _read_entity,
        "of": lambda rule: rule.entity and Whom(rule.entity.kind, rule.entity.external_id),
        "put": _put_entity,
        "write": lambda whom: whom and whom._asdict(),
    },
    "calendar": {
        "read": text_of,
        "of": lambda rule: rule.calendar and rule.calendar.name,
        "put": _put_calendar,
    },
    "rrule": {"read": lines_of},
    "timezone": {"read": zone_of},
}


class RuleKind(Kind[Rule]):
    """`state` is told apart from the columns: where a file does not say it, it stays what it is."""

    key, noun = "rules", "rule"
    columns = {field.name: column_of(field, **SPECIAL.get(field.name, {})) for field in NAMED}  # noqa: RUF012
    more = {  # noqa: RUF012
        "state": partial(one_of, [RuleState.ACTIVE.value, RuleState.PAUSED.value]),
        "phrase": text_of,
        "ics": text_of,
    }

    def hold(self, declared: Declared, *, everything: bool) -> dict[str, Rule]:
        """The kinds of entities that any of it concerns are held before."""
        live, names = OPERATORS_OWN.exclude(state=RuleState.RETIRED), declared.names(self.key)
        chosen = Q(name__in=names)
        if everything and self.key in declared.by_kind:
            chosen |= ~Q(state=RuleState.RETIRED)
        of_calendars = live.filter(calendar__name__in=declared.names("calendars"))
        for kind in sorted(
            _kinds_wanted(declared) | _kinds_of(OPERATORS_OWN.filter(chosen)) | _kinds_of(of_calendars)
        ):
            planning.alone(kind)
        found = OPERATORS_OWN.filter(chosen).select_related("entity", "calendar")
        return {row.name: row for row in found.select_for_update(no_key=True, of=("self",)).order_by("pk")}

    def everything(self) -> list[Rule]:
        """All that are not retired."""
        live = OPERATORS_OWN.exclude(state=RuleState.RETIRED)
        return list(live.select_related("entity", "calendar"))

    def uses(self, declaration: Declaration) -> set[str]:
        """Its calendar."""
        return {declaration.values["calendar"]} if "calendar" in declaration.values else set()

    def key_of(self, declaration: Declaration, column: str) -> str:
        """A phrase, or iCalendar text, says of several columns."""
        said = [
            name for name in EXCLUDED if name in declaration.lines and column in (*EXCLUDED[name], "timezone")
        ]
        return super().key_of(declaration, column) or next(iter(said), "")

    def blank(self) -> Rule:
        """Empty."""
        return Rule()

    def check_known(self, row: Rule) -> None:
        """Raises Refusal for a retired one."""
        if row.state == RuleState.RETIRED:
            refuse(
                "name",
                "the rule of this name is retired, and never fires again",
                "Give the new one another name.",
            )

    def wanted(self, declaration: Declaration, known: Rule | None, now: datetime) -> Rule:
        """Raises InvalidField.

        A phrase is taken as said when the rule's times were last edited, if that is what the rule still says: so it
        means the same whenever the file is applied again. Otherwise it is said now.
        """
        values = declaration.values
        check_alone(values)
        if "ics" in values:
            values = with_ics(values)
        if "phrase" not in values:
            return self.filled(known, values)
        said = partial(with_phrase, values, home=_home(values.get("entity")))
        if known is not None:
            as_before = _as_before(lambda: self.filled(known, said(now=known.timed_since)))
            if as_before is not None and has_same_moments(known, as_before):
                return as_before
        return self.filled(known, said(now=now))

    def check(self, row: Rule, *, before: Rule | None, now: datetime) -> None:
        """Raises InvalidRule. Its calendar may have been changed since the row was looked at."""
        row.calendar = Calendar.objects.filter(pk=row.calendar_id or 0).first()
        check_rule(row, now=now, before=before)

    def create(self, row: Rule, doing: Doing) -> None:
        """With its rows. Raises InvalidRule."""
        create_rule(row, horizon=doing.horizon, origin=doing.origin)

    def change(self, row: Rule, doing: Doing) -> None:
        """Its rows follow. Raises InvalidRule."""
        change_rule(row, horizon=doing.horizon, origin=doing.origin)

    def turn(self, row: Rule, declaration: Declaration) -> tuple[str, Callable[[Doing], object]] | None:
        """Paused or resumed, where the file says which of both it is."""
        state = declaration.values.get("state", row.state)
        if state == row.state:
            return None
        if state == RuleState.PAUSED:
            return "pause", lambda doing: pause_rule(row, origin=doing.origin)
        return "resume", lambda doing: resume_rule(row, origin=doing.origin)

    def end(self, row: Rule) -> Callable[[Doing], object] | None:
        """Retired."""
        return lambda doing: retire_rule(row, why=WHY_ENDED, origin=doing.origin)

    def declared(self, row: Rule) -> dict[str, Any]:
        """A paused one says so behind its name."""
        keys = super().declared(row)
        state = {"state": row.state} if row.state != RuleState.ACTIVE else {}
        return {"name": keys.pop("name"), **state, **keys}


def _kinds_wanted(declared: Declared) -> set[str]:
    given = [declaration.values for declaration in declared.of(RuleKind.key)]
    audiences = {values["audience_kind"] for values in given if values.get("audience_kind")}
    return audiences | {values["entity"].kind for values in given if "entity" in values}


def _kinds_of(rules: QuerySet[Rule]) -> set[str]:
    return {planning.kind_of(rule) for rule in rules.select_related("entity")}


def _home(whom: Whom | None) -> str:
    found = (
        Entity.objects.filter(owner=None, kind=whom.kind, external_id=whom.external_id).first()
        if whom
        else None
    )
    return found.timezone if found else ""


def _as_before(fill: Callable[[], Rule]) -> Rule | None:
    try:
        return fill()
    except InvalidField:  # it cannot have been said then
        return None
