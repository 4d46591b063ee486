"""The engine's one verb: run a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.execution.calls import run_calls
from events.execution.chunks import ChunkRun
from events.execution.transactional import run_transactions
from events.handling import Kind

if TYPE_CHECKING:
    from events.execution.chunks import Bench, ChunkOrder, Summary
    from events.handling import Handler


def run_chunk(order: ChunkOrder, handler: Handler, bench: Bench) -> Summary:
    """Run what may still run of a chunk, and say what became of it.

    Each row is started, run and settled; a crash anywhere leaves rows that recovery finds by their leases.
    """
    chunk = ChunkRun(order, handler, bench)
    run = run_transactions if handler.kind is Kind.TRANSACTIONAL else run_calls
    run(chunk)
    return chunk.summary
