"""Reads: what operators and programs ask. Each is given `now` and writes nothing."""

from events.lifecycle import DEAD_LETTERS
from events.models.fields import LARGEST_ID
from events.queries.accounts import owned, owned_one
from events.queries.calendars import ClosedDay, closed_ahead, closed_in_words, countries
from events.queries.firings import NextFiring, next_firings
from events.queries.groups import GroupState, group_state, group_type, group_types
from events.queries.letters import Source, Told, find_dead_letters, payload_of
from events.queries.occurrences import (
    MOST_COUNTED,
    Lateness,
    Standing,
    coming_up,
    dead_letters,
    delay_of,
    lateness_of,
    next_at,
    standing,
    with_lateness,
)
from events.queries.own_occurrences import Wanted, find_occurrences, order_of
from events.queries.sentences import when_in_brief, when_in_words
from events.queries.stories import Change, Move, Story, Try, story
from events.queries.words import (
    hold_in_words,
    length_in_words,
    reason_in_words,
    state_in_words,
    whom_in_words,
)

__all__ = [
    "DEAD_LETTERS",
    "LARGEST_ID",
    "MOST_COUNTED",
    "Change",
    "ClosedDay",
    "GroupState",
    "Lateness",
    "Move",
    "NextFiring",
    "Source",
    "Standing",
    "Story",
    "Told",
    "Try",
    "Wanted",
    "closed_ahead",
    "closed_in_words",
    "coming_up",
    "countries",
    "dead_letters",
    "delay_of",
    "find_dead_letters",
    "find_occurrences",
    "group_state",
    "group_type",
    "group_types",
    "hold_in_words",
    "lateness_of",
    "length_in_words",
    "next_at",
    "next_firings",
    "order_of",
    "owned",
    "owned_one",
    "payload_of",
    "reason_in_words",
    "standing",
    "state_in_words",
    "story",
    "when_in_brief",
    "when_in_words",
    "whom_in_words",
    "with_lateness",
]
