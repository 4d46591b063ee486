"""Claim what is due, in a short transaction, and cut it into chunks for the broker."""

from events.dispatch.chunks import Chunk
from events.dispatch.claims import Claimed, Limits, claim_due, in_flight, is_due, late_in_flight, next_due

__all__ = ["Chunk", "Claimed", "Limits", "claim_due", "in_flight", "is_due", "late_in_flight", "next_due"]
