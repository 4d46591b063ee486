"""An account's rules as JSON says them: by the same keys, read by the same columns, as in configuration files."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from events.errors import InvalidField
from events.models import Entity, Rule
from events.operations.declared.columns import values_in
from events.operations.declared.given import Fields, Items, Text, is_nothing, refuse, unknown_key
from events.operations.declared.rule_kind import RuleKind, Whom
from events.operations.declared.shorthands import EXCLUDED, check_alone, with_ics, with_phrase
from events.operations.errors import Refusal
from events.operations.rule_checks import InvalidRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from events.operations.declared.columns import Column
    from events.operations.declared.given import Given

SHORTHANDS = {name: RuleKind.more[name] for name in EXCLUDED}
# What a shorthand decides of a rule that is changed; what it leaves out has its default.
DECIDED = {name: {*excluded, "timezone"} for name, excluded in EXCLUDED.items()}


def rule_of(given: Mapping[str, Any], *, owner: int, now: datetime, known: Rule | None = None) -> Rule:
    """A rule as JSON says it, not saved: a new one, or a copy of the known one with what is given changed.

    A key that is null has its default. A phrase is told at `now`. Raises InvalidRule with every key that cannot be
    read; whether the rule can be kept is for `create_rule` and `change_rule` to say.
    """
    refusals: list[InvalidField] = []
    kind = OwnRules(owner)
    values = _read(kind, given, refusals)
    with _noting(refusals):
        check_alone(values)
    if not refusals:
        with _noting(refusals):
            return kind.filled(known, _all_values(kind, given, values, known, now))
    name = given.get("name") or (known.name if known else "")
    raise InvalidRule(f"rule {name!r}", refusals)


def written_rule(rule: Rule) -> dict[str, Any]:
    """All its columns by key, as a file or JSON would say them."""
    return written_columns(values_in(rule, RuleKind.columns))


def written_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by key, as a file or JSON would say them."""
    return {name: RuleKind.columns[name].write(value) for name, value in values.items()}


def blame_shorthand(refused: InvalidRule, given: Mapping[str, Any]) -> InvalidRule:
    """The same refusals, where a phrase or iCalendar text said it as those of that."""
    said = [name for name in SHORTHANDS if given.get(name) is not None]
    if not said:
        return refused
    refusals = [
        Refusal(field=said[0], problem=f"{each.field}: {each.facts['problem']}", remedy=each.facts["remedy"])
        if each.field in EXCLUDED[said[0]]
        else each
        for each in refused.refusals
    ]
    return InvalidRule(str(refused.facts["what"]), refusals)


class OwnRules(RuleKind):
    """As a file declares them, but of an account, for entities of its own."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        put = partial(_put_entity, owner)
        self.columns = {**RuleKind.columns, "entity": replace(RuleKind.columns["entity"], put=put)}

    def blank(self) -> Rule:
        """Empty, and the account's."""
        return Rule(owner_id=self.owner)


def _read(kind: OwnRules, given: Mapping[str, Any], refusals: list[InvalidField]) -> dict[str, Any]:
    values = {}
    for name, value in given.items():
        with _noting(refusals):
            read = _reader(kind.columns, name)
            as_given = given_of(value)
            if not is_nothing(as_given):
                values[name] = read(name, as_given)
    return values


def _reader(columns: Mapping[str, Column], name: str) -> Any:
    if name == "state":
        refuse(name, "a rule's state is not written", "Pause or resume it, or retire it by deleting it.")
    if name in SHORTHANDS:
        return SHORTHANDS[name]
    if name not in columns:
        raise unknown_key(name, [*columns, *SHORTHANDS])
    return columns[name].read


def given_of(value: Any) -> Given:
    """A JSON value as the text, the list or the mapping that a file would have in its place."""
    if isinstance(value, dict):
        return Fields(0, {name: given_of(item) for name, item in value.items()})
    if isinstance(value, list):
        return Items(0, tuple(map(given_of, value)))
    return Text(0, value) if isinstance(value, str) else Text(0, json.dumps(value), is_plain=True)


def _all_values(
    kind: OwnRules, given: Mapping[str, Any], values: dict[str, Any], known: Rule | None, now: datetime
) -> dict[str, Any]:
    """What is given, what a shorthand says besides, and of a known rule all else as it is."""
    decided = {name for said in SHORTHANDS if said in values for name in DECIDED[said]}
    if "ics" in values:
        values = with_ics(values)
    if "phrase" in values:
        whom = values.get("entity") or (known and "entity" not in given and kind.columns["entity"].of(known))
        values = with_phrase(values, now=now, home=_home(kind.owner, whom or None))
    kept = set(kind.columns) - decided - set(given) if known else set()
    return {name: kind.columns[name].of(known) for name in kept} | values


def _entity(owner: int, whom: Whom) -> Entity | None:
    named = Entity.objects.filter(owner=owner, kind=whom.kind, external_id=whom.external_id)
    return named.filter(deleted_at=None).first()


def _home(owner: int, whom: Whom | None) -> str:
    found = _entity(owner, whom) if whom else None
    return found.timezone if found else ""


def _put_entity(owner: int, rule: Rule, whom: Whom | None) -> None:
    rule.entity = _entity(owner, whom) if whom else None
    if whom and rule.entity is None:
        refuse(
            "entity", f"there is no {whom.kind} {whom.external_id!r}", "Create it first, or name another one."
        )


@contextmanager
def _noting(refusals: list[InvalidField]) -> Iterator[None]:
    try:
        yield
    except InvalidField as refusal:
        refusals.append(refusal)
