"""Claim what is due, in a short transaction, and cut it into chunks for the broker."""

from events.dispatch.chunks import Chunk
from events.dispatch.claims import Claimed, Limits, claim_due
from events.dispatch.due import Standing, late_in_flight, next_due, standing
from events.dispatch.throttle import give_allowance_back, take_allowance

__all__ = [
    "Chunk",
    "Claimed",
    "Limits",
    "Standing",
    "claim_due",
    "give_allowance_back",
    "late_in_flight",
    "next_due",
    "standing",
    "take_allowance",
]
