"""Whether a rule can be kept: its columns first, then what they mean together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from events import planning
from events.errors import InvalidField
from events.models import EveryFrom, Rule
from events.operations.errors import InvalidInput, Refusal, shown, wrong_columns
from events.operations.payloads import check_object, check_payload
from events.timing import canonical_zone, check, check_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    Examination = Callable[[Rule, datetime], None]

KEPT_BY_THE_ENGINE = {
    "state", "planned_until", "draw_seed", "timed_since", "version", "created_at", "updated_at",
}  # fmt: skip
WHEN = (
    "start_date", "local_time", "rrule", "cron", "every", "every_from", "rdates", "exdates", "calendar_id", "roll",
    "anchor", "anchor_offset_days", "window", "draws", "spacing", "timezone",
)  # fmt: skip
# What it is, and whose, it is from the beginning.
FIXED = {"id", "owner", "role"}
EDITABLE = sorted({field.name for field in Rule._meta.concrete_fields} - KEPT_BY_THE_ENGINE - FIXED)
# What the calendar calls otherwise than the columns of a rule.
COLUMN_OF = {
    "dtstart": "start_date",
    "offset_days": "anchor_offset_days",
    "rdate": "rdates",
    "exdate": "exdates",
    "business_days": "calendar",
    "ics": "calendar",
    "country": "calendar",
    "subdivision": "calendar",
}
# What an interval that counts from the end of the one before goes without: nobody knows its days ahead.
NOT_AFTER_COMPLETION = (
    "rrule", "cron", "rdates", "exdates", "calendar", "anchor", "anchor_offset_days", "window",
)  # fmt: skip
# Each of them is looked at whenever the rule is planned.
MOST_OPEN = 1_000
# What nobody can mean, and what instants in the years of the calendar could not be moved by. Windows have their own.
LONGEST = {
    "backoff_base": timedelta(days=366),
    "backoff_cap": timedelta(days=366),
    "grace": timedelta(days=3_653),
    "expires_after": timedelta(days=3_653),
    "spacing": timedelta(days=366),
}


class InvalidRule(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


def check_rule(rule: Rule, *, now: datetime, before: Rule | None = None) -> None:
    """Make the rule's zone canonical and its RRULE bare; raise InvalidRule with every field that is wrong.

    Looks at the columns first, then at what they mean: a rule that could never fire is refused, unless it is an old
    one (`before`) whose moments are over and that is edited in other respects.
    """
    same_moments = before is not None and has_same_moments(before, rule)
    examined = [each for each in EXAMINATIONS if not (same_moments and each is _something_is_to_come)]
    wrong = [*wrong_columns(rule, KEPT_BY_THE_ENGINE), *_too_long(rule)]
    refusals = wrong or list(_wrong_meanings(rule, now, examined))
    if refusals:
        raise InvalidRule(f"rule {rule.name!r}", refusals)


def has_same_moments(one: Rule, other: Rule) -> bool:
    """Whether two states of a rule name the same moments, for whomever."""
    return all(getattr(one, name) == getattr(other, name) for name in WHEN)


def _too_long(rule: Rule) -> Iterator[InvalidField]:
    for name, most in LONGEST.items():
        given = getattr(rule, name)
        if isinstance(given, timedelta) and given > most:
            yield Refusal(
                field=name,
                problem=f"{given} is too long",
                remedy=f"Give {most.days:,} days at most",
            )


def _wrong_meanings(rule: Rule, now: datetime, examined: Iterable[Examination]) -> Iterator[InvalidField]:
    refused: set[str] = set()
    for examine in examined:
        if refused and examine in NEED_A_SOUND_ONE:
            continue
        refusal = _refusal_of(examine, rule, now)
        if refusal is not None and refusal.field not in refused:  # one sentence for a field is enough
            refused.add(refusal.field)
            yield refusal


def _refusal_of(examine: Examination, rule: Rule, now: datetime) -> InvalidField | None:
    try:
        examine(rule, now)
    except InvalidField as refusal:
        return _at_home(rule, refusal)
    return None


def _zone_exists(rule: Rule, now: datetime) -> None:  # noqa: ARG001 - one signature for all examinations
    if rule.timezone:
        rule.timezone = canonical_zone(rule.timezone)


def _time_is_given(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    if rule.local_time is None and not rule.cron:
        raise Refusal(
            field="local_time",
            problem="it is missing, and only a cron expression has its own",
            remedy="Give the time of day, such as 09:00.",
        )


def _recurrence_is_sound(rule: Rule, now: datetime) -> None:
    lines = [line.strip().removeprefix("RRULE:") for line in rule.rrule.splitlines()]
    rule.rrule = "\n".join(filter(None, lines))
    anchor = now.date() if rule.anchor else None
    recurrence = planning.recurrence_of(rule, anchor, years=(now.year, now.year + planning.YEARS_AHEAD))
    if rule.anchor and recurrence.business_days:  # whose date is closed differs from one to the next
        open_days = replace(recurrence.business_days, closed=frozenset(), weekend=frozenset())
        recurrence = replace(recurrence, business_days=open_days)
    check(replace(recurrence, every=rule.every), planning.policies_of(rule, ""))


def _at_home(rule: Rule, refusal: InvalidField) -> InvalidField:
    """The calendar's refusal as that of a column, with the text that was refused; any other as it is."""
    column = COLUMN_OF.get(refusal.field, refusal.field)
    if column == refusal.field and column not in {"rrule", "cron"}:
        return refusal
    given, problem = shown(getattr(rule, column, "")), str(refusal.facts["problem"])
    if column in {"rrule", "cron"} and given not in problem:
        problem = f"{given}: {problem}"
    return Refusal(field=column, problem=problem, remedy=refusal.facts["remedy"])


def _interval_goes_alone(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    if rule.every_from == EveryFrom.START:
        return
    if not rule.every:
        raise Refusal(
            field="every",
            problem="it is missing",
            remedy="Give what counts from the completion, such as PT30M.",
        )
    for name in NOT_AFTER_COMPLETION:
        if getattr(rule, name):
            raise Refusal(
                field="every_from",
                problem=f"an interval that counts from completion does not go with {name}",
                remedy=f"Count from start, or leave {name} empty.",
            )


def _window_holds_its_draws(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    if rule.window is not None:
        check_window(rule.window, rule.draws, rule.spacing)
    elif rule.draws != 1 or rule.spacing:
        raise Refusal(
            field="window",
            problem="it is missing, and only a window has draws and spacing",
            remedy="Give the window's length, such as 8:00:00, or leave draws at 1 and spacing at 0.",
        )


def _few_windows_are_open(rule: Rule, now: datetime) -> None:
    if rule.window is None:
        return
    anchor = now.date() if rule.anchor else None
    opened = planning.next_firings_of(
        rule, timezone=rule.timezone or "UTC", anchor=anchor, leap="", after=now, limit=MOST_OPEN + 1
    )
    if len(opened) > MOST_OPEN and opened[-1].due_at - opened[0].due_at < rule.window:
        raise Refusal(
            field="window",
            problem=f"more than {MOST_OPEN:,} windows would be open at once",
            remedy="Give a shorter window, or open one less often.",
        )


def _something_is_to_come(rule: Rule, now: datetime) -> None:
    zones = [rule.timezone] if rule.timezone else planning.EXTREME_ZONES
    since = now - (rule.window or timedelta(0))
    if rule.anchor or rule.every_from == EveryFrom.COMPLETION:
        return
    if not any(
        planning.next_firings_of(rule, timezone=name, anchor=None, leap="", after=since, limit=1)
        for name in zones
    ):
        raise Refusal(
            field="rrule" if rule.rrule else "start_date",
            problem=f"the last occurrence of {rule.rrule or rule.start_date} is over, so it would never fire",
            remedy="Choose a later date, or a recurrence that goes on.",
        )


def _anchor_is_known(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    planning.check_anchor(rule)


def _handler_takes_the_payload(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    check_payload(rule.handler, rule.payload)


def _audience_filter_is_an_object(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    check_object("audience_filter", rule.audience_filter)


def _entity_is_its_own_accounts(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    """An operator's rule may be for anybody; an account's for none but its own."""
    if rule.owner_id is not None and rule.entity is not None and rule.entity.owner_id != rule.owner_id:
        raise Refusal(
            field="entity",
            problem="there is no such entity in the account",
            remedy="Name one of its own, or create it first.",
        )


EXAMINATIONS = (
    _entity_is_its_own_accounts,
    _zone_exists,
    _time_is_given,
    _interval_goes_alone,
    _window_holds_its_draws,
    _recurrence_is_sound,
    _few_windows_are_open,
    _something_is_to_come,
    _anchor_is_known,
    _handler_takes_the_payload,
    _audience_filter_is_an_object,
)
# What is refused already is not asked for its moments.
NEED_A_SOUND_ONE = (_few_windows_are_open, _something_is_to_come)
