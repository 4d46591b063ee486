"""A phrase as words, and the place up to which they are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from events.phrases.refusing import refuse
from events.phrases.vocabulary import NUMBERS, OPENERS, UNITS
from events.timing.refusing import shown

LONGEST_PHRASE = 200
MOST = 9_999
_WORD = re.compile(r"\d{1,3}(?:,\d{3})+(?![^\s])|[^\s,]+|,", re.ASCII)
_ISO_MOMENT = re.compile(
    r"(?<!\S)(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(Z?)(?![^\s,])", re.ASCII | re.IGNORECASE
)
ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_HALF_DAYS = ("a.m.", "p.m.")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_GLUED = re.compile(r"(\d{1,9})([a-z]+)", re.ASCII)
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)", re.ASCII)
_TIME_LIKE = re.compile(r"\d{1,2}(?::\d\d.*|[ap]\.?m\.?)", re.ASCII)
_Value = TypeVar("_Value")


class Words:
    """The words of a phrase in lower case; `at` is the first that is not read yet."""

    def __init__(self, text: str) -> None:
        """Raise InvalidPhrase for a phrase that is empty or too long."""
        if len(text) > LONGEST_PHRASE:
            refuse(f"the phrase has {len(text):,} characters", f"Keep it to {LONGEST_PHRASE}")
        ended = _ISO_MOMENT.sub(_iso_in_words, text.rstrip())
        self.given = _WORD.findall(ended if ended.lower().endswith(_HALF_DAYS) else ended.rstrip(".!"))
        if not self.given:
            refuse("the phrase is empty")
        self._words = [word.lower() for word in self.given]
        self.at = 0

    @property
    def are_read(self) -> bool:
        """Whether all of them are."""
        return self.at >= len(self._words)

    @property
    def next(self) -> str:
        """The next word, or "" at the end."""
        return "" if self.are_read else self._words[self.at]

    def take(self, *options: str) -> str:
        """Read the first of the options, each a word or several, that comes next; return it, or ""."""
        for option in options:
            wanted = option.split()
            if self._words[self.at : self.at + len(wanted)] == wanted:
                self.at += len(wanted)
                return option
        return ""

    def try_each(self, *readers: Callable[[Words], _Value | None]) -> _Value | None:
        """Return what the first of the readers makes of the next words; None, with nothing read, where none can."""
        start = self.at
        for reader in readers:
            found = reader(self)
            if found is not None:
                return found
            self.at = start
        return None

    def look_up(self, table: Mapping[str, _Value]) -> _Value | None:
        """Read the next word if the table has it; return what it stands for, or None."""
        if self.next not in table:
            return None
        self.at += 1
        return table[self._words[self.at - 1]]

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read the next word if the pattern fits all of it."""
        found = pattern.fullmatch(self.next)
        if found:
            self.at += 1
        return found

    def take_joint(self) -> bool:
        """Read what joins the items of a list: "and", a comma, or both."""
        start = self.at
        self.take(",")
        self.take("and")
        return self.at > start

    def take_number(self) -> int | None:
        """Read a whole number, in digits or as a word; what follows says whether it counts something: see `counted`."""
        number = self.look_up(NUMBERS)
        if number is None and _NUMBER.fullmatch(self.next.replace(",", "")):
            number = int(self.next.replace(",", ""))
            self.at += 1
        return number

    def take_ordinal(self) -> int | None:
        """Read a day of the month such as 1st or 22nd."""
        found = self.match(_ORDINAL)
        return int(found[1]) if found else None

    def take_amount(self) -> tuple[int, str] | None:
        """Read a number and its unit, such as "20 minutes", "an hour", "half an hour" or "3d"."""
        if self.take("half an hour"):
            return 30, "minute"
        start = self.at
        glued = self.match(_GLUED)
        if glued and glued[2] in UNITS:
            return counted(int(glued[1])), UNITS[glued[2]]
        self.at = start
        number = self.take_number()
        unit = self.look_up(UNITS) if number is not None else None
        if number is None or unit is None:
            self.at = start
            return None
        return counted(number), unit

    def take_times(self) -> int | None:
        """Read "once", "twice" or "3 times"; return how many."""
        known = self.look_up({"once": 1, "twice": 2})
        if known is not None:
            return known
        start = self.at
        number = self.take_number()
        if number is None or not self.take("times"):
            self.at = start
            return None
        return counted(number)

    def take_unread(self) -> str:
        """Read up to where another part may begin, at least one word; return these as they were given."""
        start = self.at
        self.at += 1
        while not (self.are_read or self.next in OPENERS or _TIME_LIKE.fullmatch(self.next)):
            self.at += 1
        return " ".join(self.given[start : self.at])

    def said_from(self, start: int) -> str:
        """Return in quotes what was read since `start`, as it was given."""
        return shown(" ".join(self.given[start : self.at]))


def counted(number: int) -> int:
    """Return a number of units or times. Raises InvalidPhrase for one that is not from 1 to 9,999."""
    if not 1 <= number <= MOST:
        refuse(f"{number:,} is out of range", f"Give a number from 1 to {MOST:,}")
    return number


def _iso_in_words(found: re.Match[str]) -> str:
    return f"{found[1]} {found[2]}{' UTC' if found[3] else ''}"
