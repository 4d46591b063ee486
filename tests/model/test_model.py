"""With guarded start, fence and recovery of leases every promise is kept; without any one of them some is broken."""

from __future__ import annotations

import importlib
import pkgutil
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events import transitions
from events.handling import Completed, Outcome, Retry, Unsure
from events.lifecycle import State
from events.transitions.statements import STATE_OF_ID
from tests.model.explorer import explore
from tests.model.handlers import HANDLERS, Chosen, IdempotentModel, NonIdempotentModel, TransactionalModel
from tests.model.protocol import Protocol
from tests.model.situations import Broken

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

AGAIN = Retry("no effect", after=timedelta(minutes=1))
ANSWERS: dict[type[Chosen], list[Outcome]] = {
    TransactionalModel: [Completed(), AGAIN],
    IdempotentModel: [Completed(), AGAIN],
    NonIdempotentModel: [Completed(), AGAIN, Unsure("a reset")],
}
ENDS = {
    TransactionalModel: {State.COMPLETED, State.FAILED},
    IdempotentModel: {State.COMPLETED, State.FAILED},
    NonIdempotentModel: {State.COMPLETED, State.FAILED, State.UNKNOWN},
}
# So few states would prove nothing.
FEW = 100


@pytest.mark.parametrize("handler", HANDLERS)
def test_whatever_happens_every_promise_is_kept_and_an_end_can_be_reached(
    world: World, handler: type[Chosen]
) -> None:
    found = explore(Protocol(world, handler, attempts=3, answers=ANSWERS[handler]))
    print(f"{handler.name}: {found.states} states, {found.steps} steps")
    assert found.violations() == {}
    assert found.beyond == 0
    assert found.states > FEW
    assert {key[0] for key in found.ends} == ENDS[handler]  # type: ignore[index]
    said = {edge.says for edges in found.edges.values() for edge in edges}
    assert {"a copy of a stale message reaches worker 1", "worker 1, whose claim is lost, dies"} <= said


TOKEN = re.escape(" AND o.claim_token = %(token)s")
WAITS, RUNS = (re.escape(f" AND {STATE_OF_ID} = '{state}'") for state in (State.PENDING, State.PROCESSING))
VERSION = r"\s+AND o\.xmin = ANY\(%\(versions\)s::xid\[\]\)"
WAITS_ANYWHERE = r"\s+" + WAITS.lstrip("\\ ")
LAPSED = re.escape("o.lease_expires_at <= %(now)s")

NO_GUARDED_START = {"START": (TOKEN + WAITS, "")}
NO_TOKEN_IN_FENCE = {"FENCE": (TOKEN, ""), "SETTLE": (TOKEN, "")}
NO_FENCE = {"FENCE": (TOKEN + RUNS, ""), "SETTLE": (TOKEN + RUNS, "")}
NO_TOKEN_AT_THE_END = dict.fromkeys(("READ", "READ_LOCKED", "END"), (TOKEN, ""))
NO_GUARD_AT_THE_END = dict.fromkeys(("READ", "READ_LOCKED"), (TOKEN + WAITS_ANYWHERE, "")) | {
    "END": (TOKEN + WAITS_ANYWHERE + VERSION, "")
}
NO_RETURN_OF_CLAIMS = {"RETURN_CLAIMS": (LAPSED, "false")}
NO_RETURN_OF_THE_LOST = {"SETTLE_LOST": (LAPSED, "false")}
NO_GIVING_UP = {"GIVE_UP": (re.escape("lease_expires_at <= %(now)s"), "false")}

Cuts = dict[str, tuple[str, str]]


def cut(monkeypatch: pytest.MonkeyPatch, cuts: Cuts) -> None:
    """Take a guard out of the statements of these names, wherever in transitions they are."""
    modules = [importlib.import_module(f"{transitions.__name__}.{name}") for name in submodules()]
    for name, (guard, instead) in cuts.items():
        (module,) = [module for module in modules if hasattr(module, name)]
        broken, times = re.subn(guard, instead, getattr(module, name))
        assert times == 1, f"{name} has not the guard that was to be cut"
        monkeypatch.setattr(module, name, broken)


def submodules() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(transitions.__path__)]


GUARDS = {
    "a start without its guard calls twice": (NO_GUARDED_START, NonIdempotentModel, Broken.SECOND_CALL),
    "a start without its guard tears the log": (NO_GUARDED_START, IdempotentModel, Broken.LOG),
    "a fence without its token lets late answers in": (
        NO_TOKEN_IN_FENCE,
        IdempotentModel,
        Broken.STALE_MOVE,
    ),
    "a fence without its token lets late effects in": (
        NO_TOKEN_IN_FENCE,
        TransactionalModel,
        Broken.STALE_MOVE,
    ),
    "without a fence there are two effects": (NO_FENCE, TransactionalModel, Broken.EFFECTS),
    "a transaction without its token lets late effects in": (
        NO_TOKEN_AT_THE_END,
        TransactionalModel,
        Broken.STALE_MOVE,
    ),
    "a transaction without its guard has two effects": (
        NO_GUARD_AT_THE_END,
        TransactionalModel,
        Broken.EFFECTS,
    ),
    "a lost message is never missed": (NO_RETURN_OF_CLAIMS, TransactionalModel, Broken.STUCK),
    "a lost chunk is never missed": (NO_GIVING_UP, TransactionalModel, Broken.STUCK),
    "a lost transaction is never missed": (NO_RETURN_OF_THE_LOST, TransactionalModel, Broken.STUCK),
    "a lost call is never missed": (NO_RETURN_OF_THE_LOST, NonIdempotentModel, Broken.STUCK),
}


@pytest.mark.parametrize(("cuts", "handler", "expected"), GUARDS.values(), ids=GUARDS)
def test_each_guard_is_needed(
    world: World, monkeypatch: pytest.MonkeyPatch, cuts: Cuts, handler: type[Chosen], expected: Broken
) -> None:
    cut(monkeypatch, cuts)
    protocol = Protocol(world, handler, attempts=2, answers=[Completed()], watched={expected})
    found = explore(protocol, until=expected)
    way = found.violations().get(expected, [])
    print(f"{handler.name}: {found.states} states, {found.steps} steps; a way there:", *way, sep="\n  ")
    assert way
