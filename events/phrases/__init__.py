"""Phrases in: "every weekday at 9am" -> a recurrence, its zone, and perhaps a window.

The grammar is small and closed. Each word of a phrase belongs to one part of it, the parts come in any order, and
what is not understood, said twice, past, or not said in full is refused with the words in question; nothing is
guessed. Where English leaves a choice, these are the rules:

Moments
- Hours and less from now are elapsed time, an instant: "in 20 minutes". Days and more keep the wall time: "in 3 days"
  is at the same time of day, "in 3 days at 9" at nine. The first whole second that is not before now counts as now.
- "at 7" is 07:00 and "at 19" 19:00; 12am is 00:00 and 12pm noon. A number alone is a time only after "at" or "between".
- Midnight is 00:00, at the beginning of the day that is named. "Morning" and the like are refused: say which hour.
- "at 9" alone is the next 9:00, today or tomorrow.
- "friday" is the first one whose time is still ahead, today's included; "next friday" the first after today; "this
  friday" the one of this week, and "friday next week" of the next. Weeks begin on Monday.
- "24 december" and "the 15th" are the next one that the calendar has, and never another day in its stead.
- Dates in digits are 2026-12-24. Others, and German ones, are read where day and month can be told apart (24.12.2026,
  24. Dezember); 03/04 is refused.
- A weekday beside a date must agree with it.
- "… UTC" after a time makes an instant of it; "in UTC" is a zone like others.

Repeated
- What repeats begins with the first time that is ahead, and intervals count from there; "every 30 minutes" counts from
  now, and the first is in 30 minutes; "starting tomorrow at 9" counts from then.
- "every first monday" and "every last friday" are of each month. For second to fifth say "of the month", since "every
  second monday" may be every other one.
- "every quarter" is in January, April, July and October: its first day, or the one that is named; days counted from
  the end ("last day", "last weekday") are in March, June, September and December.
- A day that a month lacks is left out: "monthly on the 31st" is in seven months of the year.
- "until friday" includes Friday. A time after it is the end's where the phrase has one already, or goes by hours.
- A weekday, or working day, is Monday to Friday.

At random
- "within 3 days", "some time this week" and "today between 9 and 17" are one window, from now where it has begun.
- "every day between 9 and 17" is one window a day, from the first that opens after now. From 22:00 to 6:00 is over
  midnight; "between 9 and 5" is refused.
"""

from events.phrases.phrase import Phrase
from events.phrases.reading import named_zone, read_phrase
from events.phrases.refusing import InvalidPhrase

__all__ = ["InvalidPhrase", "Phrase", "named_zone", "read_phrase"]
