"""How much of everything: the whole measurement, the quick one, and what the command line makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

# The fastest others; the slower ones take minutes.
NEAREST = ("graphile-batch", "pgboss", "pgqueuer")


@dataclass(frozen=True, slots=True)
class Size:
    """So many rows, runs and seconds. What no run repeats is long by itself, or grows with its rows."""

    rows: int = 100_000  # of drain; each stage alone has half
    runs: int = 3
    burst: int = 10_000
    steady_seconds: int = 60
    minute_rows: int = 200_000
    minute_seconds: int = 60
    idle_seconds: int = 60
    claims: int = 200  # that find nothing
    stored: int = 10_000_000
    fill_seconds: float = 60.0  # no more is stored than fits into these
    stored_rows: int = 20_000  # drained beside what is stored
    waiting_rows: int = 1_500  # of the handler that waits, for each worker
    posts: int = 1_000
    people: int = 1_000_000
    planning_runs: int = 1
    peer_rows: int = 20_000
    peer_runs: int = 1
    peers: tuple[str, ...] = NEAREST
    peer_limit: float = 60.0

    def at_most(self, rows: int) -> Size:
        """Nowhere more than so many rows at once; drain has just as many."""
        capped = ("burst", "minute_rows", "stored_rows", "waiting_rows", "peer_rows")
        return replace(self, rows=rows, **{name: min(getattr(self, name), rows) for name in capped})

    def repeated(self, runs: int) -> Size:
        """Each of what is repeated so many times, planning and the peers too."""
        return replace(self, runs=runs, planning_runs=runs, peer_runs=runs)

    def but(self, **given: object) -> Size:
        """With these instead."""
        return replace(self, **given)  # type: ignore[arg-type]


FULL = Size()
QUICK = Size(
    rows=10_000,
    runs=1,
    burst=5_000,
    steady_seconds=5,
    minute_rows=10_000,
    minute_seconds=6,
    idle_seconds=5,
    claims=50,
    stored=100_000,
    fill_seconds=5.0,
    stored_rows=5_000,
    waiting_rows=500,
    posts=200,
    people=20_000,
    peer_rows=2_000,
    peers=("pgqueuer",),
)
