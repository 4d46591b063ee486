"""Each peer in turn, on the same servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.measuring import Bench
from benchmarks.peers.peer import NotMeasured
from benchmarks.peers.rooms import room_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.peers.peer import Peer

BURST = 10_000


def measure(
    peers: Iterable[Peer], variables: dict[str, str], *, rows: int, limit: float, tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Each peer's facts and figures, by its name. What could not be measured has "not measured" and why."""
    return {peer.name: _facts(peer) | _figures(peer, variables, rows, limit, tell) for peer in peers}


def _figures(
    peer: Peer, variables: dict[str, str], rows: int, limit: float, tell: Callable[[str], None]
) -> dict[str, Any]:
    try:
        tell(f"{peer.title} …")
        room = room_of(peer, has_broker="CELERY_BROKER_URL" in variables)
        bench = Bench(peer, room, variables, limit)
        figures = {"version": room.versions[peer.package], "drain": bench.drain(rows)}
        return figures | {"burst": bench.burst(min(rows, BURST))}
    except NotMeasured as reason:
        tell(f"{peer.title}: not measured: {reason}")
        return {"not measured": str(reason)}


def _facts(peer: Peer) -> dict[str, Any]:
    names = ("title", "history", "batch", "counted", "advice", "page")
    return {name: getattr(peer, name) for name in names} | {"version": ""}
