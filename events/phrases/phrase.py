"""What a phrase was read as, and how it is said back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.timing import Firing, Policies, Recurrence, in_words, next_firings, zone
from events.timing.recurring import rules_of
from events.timing.word_parts import clock, moment

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_IN_GAP = "in the spring gap "


@dataclass(frozen=True, slots=True)
class Phrase:
    """When something shall happen: at the moments of `recurrence` in the zone `timezone`, by the default policies.

    With a `window` each moment opens one of that length, in which it happens `draws` times at random, `spacing` or
    more apart.
    """

    recurrence: Recurrence
    timezone: str
    window: timedelta | None = None
    draws: int = 1
    spacing: timedelta = timedelta(0)

    def in_words(self) -> str:
        """Return the sentence to echo before it counts, with zone and first day; read again, it means the same."""
        words = in_words(self.recurrence, timezone=self.timezone)
        what, *clauses = words.split("; ")
        if self.window is not None:
            clauses = [clause for clause in clauses if not clause.startswith(_IN_GAP)]
        return "; ".join([self._what(what), *clauses])

    def first(self, now: datetime) -> Firing | None:
        """Return the next firing that is not before `now` (aware), or None where none is left.

        Where there is a window this is its opening: the moment within it is yet to be drawn.
        """
        tz = zone(self.timezone)
        found = next_firings(self.recurrence, tz, Policies(), after=now, limit=1)
        return found[0] if found else None

    def _what(self, said: str) -> str:
        rules = rules_of(self.recurrence)
        at = f" at {clock(self.recurrence.dtstart.time())}"
        if not rules:
            where = "" if self.recurrence.dtstart.tzinfo else f" in {self.timezone}"
            return said if self.window is None else f"{self._drawn(self._moments())}{where}"
        if any(nth for nth, _ in rules[0].byday) and not rules[0].bymonth:
            said = said.replace(at, f"{'' if 'month' in said else ' of the month'}{at}", 1)
        if self.window is not None:
            closes = (self.recurrence.dtstart + self.window).time()
            hours = f"between {clock(self.recurrence.dtstart.time())} and {clock(closes)}"
            said = said.replace(at, f" {self._drawn(hours)}", 1)
        return said if "counted from" in said else f"{said}, starting {self.recurrence.dtstart.date()}"

    def _drawn(self, between: str) -> str:
        how_many = "a random moment" if self.draws == 1 else f"{self.draws:,} random moments"
        apart = f", at least {length_words(self.spacing)} apart," if self.spacing else ""
        return f"at {how_many} {between}{apart}"

    def _moments(self) -> str:
        opens = self.recurrence.dtstart
        closes = opens + (self.window or timedelta(0))
        return f"between {moment(opens)} and {moment(closes)}"


def length_words(length: timedelta) -> str:
    """Return "1 hour", "90 minutes": the length in the largest unit that gives a whole number."""
    seconds = length // timedelta(seconds=1)
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size:,} {unit}{'' if seconds == size else 's'}"
