"""Reminders in bodies and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ninja import Field

from events.api.given import Answered, Given
from events.api.shown import EntityName, Shown


class WhenGiven(Given):
    """When: one of at, phrase, rrule with dtstart, cron, every, within."""

    at: str | None = Field(
        None, max_length=60, description="A local time, or an instant.", examples=["2030-12-24T18:00"]
    )
    phrase: str | None = Field(None, max_length=500, examples=["tomorrow at 9am"])
    rrule: str | None = Field(None, max_length=2_000, examples=["FREQ=WEEKLY;BYDAY=MO"])
    cron: str | None = Field(None, max_length=200, examples=["30 9 * * MON-FRI"])
    every: str | None = Field(None, max_length=60, examples=["P1D"])
    within: str | None = Field(
        None, max_length=60, description="At a random moment within so long from now on.", examples=["3d"]
    )
    dtstart: str | None = Field(
        None, max_length=60, description="From where rrule, or every, counts.", examples=["2030-12-24T18:00"]
    )
    timezone: str | None = Field(
        None, max_length=64, description="Of local times; the person's own, and theirs when they move."
    )
    handler: str | None = Field(None, max_length=100, examples=["log"])
    payload: dict[str, Any] | None = Field(None, description="What the handler is told besides the text.")


class NewReminder(WhenGiven):
    """A thought, for whom, and when."""

    text: str = Field(max_length=2_000, examples=["Call mom"])
    whom: EntityName | None = Field(
        None, alias="for", description="One of the account's entities; the account's own person."
    )
    dry_run: bool = Field(default=False, description="Write nothing: only say what it would mean.")


class ChangedReminder(WhenGiven):
    """What is to change. Another time takes the place of the one that it had."""

    text: str | None = Field(None, max_length=2_000)
    paused: bool | None = None


class ReminderShown(Answered):
    """A reminder and what is to come of it next. What is hidden is told to nobody before it fires."""

    id: int | None = Field(description="null where it was only asked what it would mean.")
    text: str
    whom: EntityName = Field(alias="for")
    state: Literal["active", "paused", "done"]
    sentence: str = Field(description="When it fires, with its zone.")
    due_at: datetime | None = Field(
        description="The next moment, in UTC; null where it is hidden, or none is to come."
    )
    local: datetime | None = Field(description="The same in its zone.")
    hidden: bool
    closes: datetime | None = Field(description="Of what is hidden: when its window is over.")
    snoozed: bool = Field(description="The next one stands for one that was put off.")
    waiting: str | None = Field(description="FAILED or UNKNOWN where the last one waits for you.")
    occurrence: int | None
    handler: str
    payload: dict[str, Any]
    version: int


class ReminderPage(Answered):
    """A page of reminders."""

    items: list[ReminderShown]
    next: str | None


class SnoozeShown(Answered):
    """That somebody put it off."""

    occurrence: int
    was_due_at: datetime
    until: datetime
    at: datetime
    reason: str


class PastShown(Shown):
    """What fired, and how often it was put off before."""

    text: str
    snoozes: list[SnoozeShown]


class PastPage(Answered):
    """A page of what fired, the latest first."""

    items: list[PastShown]
    next: str | None
