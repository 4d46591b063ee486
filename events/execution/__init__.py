"""Start a chunk under the fence, run its handlers, settle what they answer."""

from events.execution.chunks import Bench, ChunkOrder, Summary
from events.execution.engine import run_chunk
from events.execution.verdicts import verdict

__all__ = ["Bench", "ChunkOrder", "Summary", "run_chunk", "verdict"]
