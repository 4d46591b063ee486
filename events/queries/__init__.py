"""Reads: what operators and programs ask. Each is given `now` and writes nothing."""

from events.lifecycle import DEAD_LETTERS
from events.queries.firings import NextFiring, next_firings
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
from events.queries.stories import Move, Story, Try, story
from events.queries.words import (
    hold_in_words,
    reason_in_words,
    state_in_words,
    when_in_words,
    whom_in_words,
)

__all__ = [
    "DEAD_LETTERS",
    "MOST_COUNTED",
    "Lateness",
    "Move",
    "NextFiring",
    "Standing",
    "Story",
    "Try",
    "coming_up",
    "dead_letters",
    "delay_of",
    "hold_in_words",
    "lateness_of",
    "next_at",
    "next_firings",
    "reason_in_words",
    "standing",
    "state_in_words",
    "story",
    "when_in_words",
    "whom_in_words",
    "with_lateness",
]
