"""What making it so would do, and doing it: one transaction that is kept or taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count

from events.errors import InvalidField
from events.lifecycle import Reason
from events.models import LoggedMove, Transition
from events.operations.calendars import InvalidCalendar
from events.operations.declared import json_values
from events.operations.declared.files import KINDS
from events.operations.declared.given import Fault, InvalidDeclared, Place
from events.operations.declared.kinds import Doing
from events.operations.errors import Refusal, StaleVersion, shown, stale
from events.operations.group_type_checks import InvalidGroupType
from events.operations.rule_checks import InvalidRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from django.db.models import Model

    from events.operations.declared.kinds import Declaration, Declared, Kind
    from events.transitions import Origin

COUNTED = {
    Reason.PLANNED: "written",
    Reason.REINSTATED: "written",
    Reason.MOVED: "moved",
    Reason.SUPERSEDED: "cancelled",
    Reason.RULE_RETIRED: "cancelled",
    Reason.RULE_RESUMED: "released",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A key whose value is another; both as a file would have them."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Step:
    """Create, change, pause, resume or retire one thing; how many rows that writes, moves, cancels, releases."""

    action: str
    noun: str
    name: str
    changes: tuple[Change, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, in order, and what stays as it is; `seen`: the versions looked at, None of what is not there."""

    steps: tuple[Step, ...]
    unchanged: tuple[tuple[str, str], ...]
    seen: Mapping[tuple[str, str], int | None]


def foresee(declared: Declared, *, prune: bool, horizon: timedelta, origin: Origin) -> Plan:
    """Return what `make_so` would do now: it is done, under the same locks, and taken back. Raises what that raises."""
    with transaction.atomic():
        plan = make_so(declared, prune=prune, horizon=horizon, origin=origin)
        transaction.set_rollback(True)
    return plan


@transaction.atomic
def make_so(
    declared: Declared, *, prune: bool, horizon: timedelta, origin: Origin, foreseen: Plan | None = None
) -> Plan:
    """Make the rows what is declared, all of them or none; what was done.

    `prune`: of the kinds that are declared, end what is not. `foreseen` is what somebody agreed to: if anything that
    he saw has changed since, nothing is written. Raises InvalidDeclared, StaleVersion.
    """
    held = {kind.noun: kind.hold(declared, everything=prune) for kind in KINDS}
    for kind in KINDS:
        held[kind.noun] |= dict.fromkeys(declared.names(kind.key) - held[kind.noun].keys())
    seen = {(noun, name): row and row.version for noun, rows in held.items() for name, row in rows.items()}
    if foreseen is not None:
        _check_seen(foreseen.seen, seen)
    work = _Work(Doing(horizon, origin))
    for kind in KINDS:
        for declaration in declared.of(kind.key):
            work.settle(kind, declaration, held[kind.noun][declaration.name])
    if work.faults:
        raise InvalidDeclared(work.faults)
    for kind in KINDS:
        names = declared.names(kind.key)
        work.end(kind, [row for name, row in held[kind.noun].items() if name not in names])
    return Plan(tuple(work.steps), tuple(work.unchanged), seen)


@dataclass(slots=True)
class _Work:
    doing: Doing
    steps: list[Step] = field(default_factory=list)
    unchanged: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def settle(self, kind: Kind[Any], declaration: Declaration, known: Model | None) -> None:
        """Make one thing what is declared, and note what was done, or what was refused."""
        if kind.uses(declaration) & self.failed:
            return  # that is told already, and all that could be said here would come of it
        try:
            with transaction.atomic():
                steps = list(self._steps(kind, declaration, known))
        except (InvalidRule, InvalidCalendar, InvalidGroupType) as refused:
            self._refuse(kind, declaration, refused.refusals)
        except InvalidField as refusal:
            self._refuse(kind, declaration, [refusal])
        else:
            self.steps += steps
            self.unchanged += [] if steps else [(kind.noun, declaration.name)]

    def end(self, kind: Kind[Any], rows: Sequence[Model]) -> None:
        """Retire what is not declared."""
        for row in rows:
            perform = kind.end(row)
            if perform:
                self.steps.append(self._done("retire", kind, str(row), perform))

    def _steps(self, kind: Kind[Any], declaration: Declaration, known: Any) -> Iterator[Step]:
        if known is not None:
            kind.check_known(known)
        wanted = kind.wanted(declaration, known, self.doing.origin.now)
        if known is None:
            yield self._done("create", kind, declaration.name, lambda doing: kind.create(wanted, doing))
        elif changes := self._changes(kind, known, wanted):
            yield self._done(
                "change", kind, declaration.name, lambda doing: kind.change(wanted, doing), changes
            )
        if turn := kind.turn(wanted, declaration):
            yield self._done(turn[0], kind, declaration.name, turn[1])

    def _changes(self, kind: Kind[Any], known: Any, wanted: Any) -> tuple[Change, ...]:
        changes = _differences(kind, known, wanted)
        if changes:  # it may be the same thing in other words, once it is in the form in which it is kept
            kind.check(wanted, before=known, now=self.doing.origin.now)
            changes = _differences(kind, known, wanted)
        return changes

    def _done(
        self,
        action: str,
        kind: Kind[Any],
        name: str,
        perform: Callable[[Doing], object],
        changes: tuple[Change, ...] = (),
    ) -> Step:
        last = Transition.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        perform(self.doing)
        moved = LoggedMove.objects.filter(number__gt=last, correlation_id=self.doing.origin.correlation_id)
        rows = dict.fromkeys(COUNTED.values(), 0)
        for reason, count in moved.order_by().values_list("reason").annotate(moved=Count("*")):
            if reason in COUNTED:
                rows[COUNTED[Reason(reason)]] += count
        return Step(action, kind.noun, name, changes, rows)

    def _refuse(self, kind: Kind[Any], declaration: Declaration, refusals: Sequence[InvalidField]) -> None:
        self.failed.add(declaration.name)
        for refusal in refusals:
            line = declaration.lines.get(kind.key_of(declaration, refusal.field), declaration.place.line)
            place = Place(declaration.place.file, line)
            self.faults.append(Fault(place, f"{kind.noun} {shown(declaration.name)}", refusal))


def _check_seen(
    before: Mapping[tuple[str, str], int | None], now: Mapping[tuple[str, str], int | None]
) -> None:
    """Raise StaleVersion with all that is no longer as it was seen."""
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    refusals = [
        _stale(f"{noun} {name!r}", before.get((noun, name)), now.get((noun, name))) for noun, name in changed
    ]
    if refusals:
        raise StaleVersion(f"{len(refusals)} of what was shown", refusals)


def _stale(what: str, expected: int | None, current: int | None) -> Refusal:
    if expected is not None:
        return stale(what, expected=expected, current=current)
    return Refusal(
        field="version",
        problem=f"{what} exists now, and did not before",
        remedy="Look at the new plan, and agree to that.",
    )


def _differences(kind: Kind[Any], known: Any, wanted: Any) -> tuple[Change, ...]:
    return tuple(
        change
        for name, column in kind.columns.items()
        if not column.same(column.of(known), column.of(wanted))
        for change in _parts(name, column.write(column.of(known)), column.write(column.of(wanted)))
    )


def _parts(name: str, old: Any, new: Any) -> Iterator[Change]:
    """Of a mapping, the keys that differ; else the whole."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield Change(name, old, new)
        return
    for key in sorted(old.keys() | new.keys()):
        if key not in old or key not in new or not json_values.is_same(old[key], new[key]):
            yield from _parts(f"{name}.{key}", old.get(key), new.get(key))
