"""Rows that nobody holds any more, or that wait for a cause that is gone. Moves rows; never calls a handler."""

from events.recovery.leases import Recovered, recover
from events.recovery.watermark import mark_swept

__all__ = ["Recovered", "mark_swept", "recover"]
