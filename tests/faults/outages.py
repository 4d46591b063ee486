"""Long outages: a day in which nothing ran, a destination that is dead, two releases side by side."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from events.handling import Kind
from events.lifecycle import Reason, State
from tests.faults.expectations import SURVIVED, none_for, some_for
from tests.faults.experiment import Experiment, Step
from tests.faults.fleet import ROOT
from tests.faults.handlers import EFFECT
from tests.faults.streams import Stream, mix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tests.faults.experiment import Found
    from tests.faults.history import Row
    from tests.faults.rig import Rig

# --- a day of downtime -----------------------------------------------------------------------------------------------
HOURS, GRACE = 24, timedelta(minutes=10)
LIVE_P99 = timedelta(seconds=2)
AWAKE = timedelta(seconds=20)


def downtime(policy: str) -> Experiment:
    """Five times the rows were due while nothing ran; now it starts, and what is due now must be on time."""
    missed: dict[str, Any] = {"catch_up": policy, "grace": GRACE}
    past = {"times": HOURS, "freq": "HOURLY", "begins": -timedelta(hours=HOURS), "fields": missed}
    return Experiment(
        f"downtime-{policy}", f"a day in which nothing ran, caught up by the policy `{policy}` beside live traffic",
        lambda _: [Step(-1, "everything is started", lambda rig: rig.fleet.start(*rig.fleet.names))],
        (partial(caught_up, policy=policy), live_on_time),
        (
            Stream("missed", EFFECT, Kind.TRANSACTIONAL, 4.5, **past),  # type: ignore[arg-type]
            Stream("missed-hooks", "webhook", Kind.IDEMPOTENT, 0.5, path="/slow?ms=200", **past),  # type: ignore[arg-type]
            Stream("live", EFFECT, Kind.TRANSACTIONAL, 0.2, 30, begins=AWAKE),
            Stream("live-hooks", "webhook", Kind.IDEMPOTENT, 0.1, 30, begins=AWAKE),
        ),
        patience=600, asleep=True,
    )  # fmt: skip


def caught_up(found: Found, policy: str) -> Iterator[str]:
    """All missed rows fire, or each entity's latest alone, or none; those that do not are SKIPPED with the reason."""
    reason = {"latest": Reason.COALESCED, "skip": Reason.MISSED}.get(policy)
    for name in found.rig.load.rules:
        rows = _rows(found, name)
        latest = max(row.due_at for row in rows)
        for row in rows:
            fires = (
                name.startswith("live") or policy == "all" or (policy == "latest" and row.due_at == latest)
            )
            wanted = (State.COMPLETED, Reason.COMPLETED) if fires else (State.SKIPPED, reason)
            if (row.state, row.reason) != wanted:
                yield f"occurrence {row.id} of {name}, due {row.due_at}, is {row.state} ({row.reason})"


def live_on_time(found: Found) -> Iterator[str]:
    """99 of 100 rows that came due while the backlog was worked off started within two seconds."""
    found.rig.notes["backlog"] = round((_worked_off(found) - found.rig.load.begins_at).total_seconds(), 1)
    for name in ("live", "live-hooks"):
        late = lateness(found, name)
        p99 = late[int(0.99 * (len(late) - 1))]
        found.rig.notes[f"p99 of {name}"] = round(p99.total_seconds(), 3)
        if p99 > LIVE_P99:
            yield f"the p99 of how late rows of {name} started is {p99.total_seconds():.2f} s"


def _worked_off(found: Found) -> datetime:
    """When the last of the missed rows had its last move."""
    missed = [row for name in ("missed", "missed-hooks") for row in _rows(found, name)]
    return max(found.history.moves[row.id][-1].at for row in missed)


def lateness(found: Found, name: str) -> list[timedelta]:
    """How late each row's first attempt started, from the least to the most."""
    tries = found.history.tries
    return sorted(tries[row.id][0].started_at - row.due_at for row in _rows(found, name) if tries[row.id])


def _rows(found: Found, name: str) -> Sequence[Row]:
    rule = found.rig.load.rules[name].pk
    return [row for row in found.history.rows.values() if row.rule_id == rule]


# --- a dead destination ----------------------------------------------------------------------------------------------
ALONE, REVIVED_AFTER, NOISE = 15, 25, timedelta(seconds=0.3)
FAILURES, WINDOW = 5, 3
FEW_ATTEMPTS = 4


def breaker() -> Experiment:
    """Healthy hooks alone; then healthy ones beside those of a destination where nobody listens, until it revives."""
    beside = timedelta(seconds=ALONE)
    tight = {"fields": {"max_attempts": FEW_ATTEMPTS}}
    return Experiment(
        "breaker", "a dead destination beside a healthy one, which revives after a while",
        lambda _: [Step(ALONE + REVIVED_AFTER, "the dead destination revives", _revive)],
        (all_drain, healthy_unchanged, none_for(Reason.WORKER_LOST),
         some_for(Reason.BREAKER_OPEN, Reason.BREAKER_PROBE)),
        (
            Stream("alone", "webhook", Kind.IDEMPOTENT, 0.3, ALONE),
            Stream("beside", "webhook", Kind.IDEMPOTENT, 0.3, ALONE, begins=beside),
            Stream("dead", "webhook", Kind.IDEMPOTENT, 0.4, ALONE, begins=beside, elsewhere=True, **tight),  # type: ignore[arg-type]
        ),
        settings={"PUNCTUAL_BREAKER_FAILURES": str(FAILURES), "PUNCTUAL_BREAKER_WINDOW_SECONDS": str(WINDOW)},
    )  # fmt: skip


def _revive(rig: Rig) -> None:
    port = str(urlsplit(rig.elsewhere).port)
    rig.program("tests.receiver", "--port", port, "--log", str(rig.receiver.log))


def all_drain(found: Found) -> Iterator[str]:
    """Every row is COMPLETED, though the dead destination's had few attempts to spend."""
    wrong = [row for row in found.history.rows.values() if row.state != State.COMPLETED]
    if wrong:
        yield f"{len(wrong)} rows are not COMPLETED, such as occurrence {wrong[0].id}, {wrong[0].state}"


def healthy_unchanged(found: Found) -> Iterator[str]:
    """The healthy rows' p95 beside the dead ones is what it is without them."""
    alone, beside = (
        late[int(0.95 * (len(late) - 1))] for late in map(partial(lateness, found), ("alone", "beside"))
    )
    found.rig.notes |= {"p95 alone": alone.total_seconds(), "p95 beside": beside.total_seconds()}
    if beside > alone + NOISE:
        yield f"the healthy p95 was {alone.total_seconds():.2f} s alone, and is {beside.total_seconds():.2f} s"


# --- two releases ----------------------------------------------------------------------------------------------------
OLD = ("beat-1", "sweeper-1", "worker-1", "worker-2")


def releases() -> Experiment:
    """Half of the processes run the code from before the latest migration: each reads what the other wrote."""
    return Experiment(
        "releases", "the release before the latest migration beside this one, each with the other's messages",
        lambda _: [Step(0, f"{name} goes on as of the previous release", partial(_old, name=name)) for name in OLD],
        (*SURVIVED, side_by_side, none_for(Reason.WORKER_LOST, Reason.CLAIM_LAPSED)),
        mix(50),
    )  # fmt: skip


def _old(rig: Rig, name: str) -> None:
    folder = rig.folder / "previous"
    if not folder.exists():
        _unpack(folder)
    rig.fleet.stop(name)
    rig.fleet.start(name, folder=folder)
    rig.fleet.wait_until_ready(name)
    rig.notes.setdefault("old", set()).update(str(child.pid) for child in rig.fleet.children(name))


def side_by_side(found: Found) -> Iterator[str]:
    """Rows that the old release claimed were started by the new one, and the other way round."""
    old = found.rig.notes["old"]
    met = {
        (claim.actor.split(":")[-1] in old, start.actor.split(":")[-1] in old)
        for moves in found.history.moves.values()
        for claim, start in pairwise(moves)
        if (claim.reason, start.reason) == (Reason.CLAIMED, Reason.STARTED)
    }
    if not {(True, False), (False, True)} <= met:
        yield f"claims and starts by the old release (True) and the new one met as {met} alone"


def _unpack(folder: Path) -> None:
    """The tree before the latest commit that changed the database, with the rig of now."""
    latest = _git("log", "-1", "--format=%H", "--", "events/migrations").decode().strip()
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=_git("archive", f"{latest}^"), check=True)
    rig = folder / "tests" / "faults"
    subprocess.run(["rm", "-rf", str(rig)], check=True)
    subprocess.run(["cp", "-r", str(ROOT / "tests" / "faults"), str(rig)], check=True)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
