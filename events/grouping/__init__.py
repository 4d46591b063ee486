"""Messages that are merged under a key and dispatched once, together: append to, seal, and take groups.

Whoever changes a group locks its occurrence's row first, then the group's: so do the claim, the start and every verb
that moves the occurrence, and each sees what the one before it left.
"""

from events.grouping.appending import REMEMBERED, append
from events.grouping.contents import Contents, contents_of, dispatched, largest_of
from events.grouping.messages import Message, Taken
from events.grouping.opening import hold_entity, open_group, revive_or_add
from events.grouping.sealing import drop, mark_sealed, seal_now

__all__ = [
    "REMEMBERED",
    "Contents",
    "Message",
    "Taken",
    "append",
    "contents_of",
    "dispatched",
    "drop",
    "hold_entity",
    "largest_of",
    "mark_sealed",
    "open_group",
    "revive_or_add",
    "seal_now",
]
