"""Groups: a message is taken, one is dropped, a group is sent at once or not at all."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from events import grouping, planning, transitions
from events.grouping import Message, Taken
from events.models import GroupType, RuleState
from events.operations.errors import InvalidInput, Refusal, shown, storable
from events.operations.group_types import adopt
from events.operations.occurrences import fire_now, moved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.errors import InvalidField
    from events.models import Group
    from events.transitions import Origin

LONGEST_KEY, LONGEST_ITEM_KEY = 200, 255
NOT_AT_WORK = "of a group that is not at work yet, and not dropped already,"


class InvalidMessage(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


def take_message(message: Message, *, owner: int | None = None, origin: Origin) -> Taken:
    """Take a message of an account (None: the operators') into the open group of its type and key, or a new one.

    What was taken under its own key before, in the open group or in the last 24 hours, is told again, and nothing is
    written. Raises InvalidMessage.
    """
    _check(message)
    taken = grouping.append(message, owner=owner, origin=origin)
    return taken or _take_anew(message, owner, origin)


@transaction.atomic
def _take_anew(message: Message, owner: int | None, origin: Origin) -> Taken:
    """For a key that seems to have no group with room: one after another, each sees what the one before has done.

    1. Hold the key's entity, which is made if it is missing.  2. Look again: somebody may have opened a group.
    3. Seal the last one, which has come due or is full, and open the next.
    """
    group_type = _type_of(message, owner, origin)
    entity_id = _hold_entity(group_type.entity_kind, message.key, owner, origin)
    taken = grouping.append(message, owner=owner, origin=origin)
    return taken or grouping.open_group(message, group_type, entity_id=entity_id, origin=origin)


def _type_of(message: Message, owner: int | None, origin: Origin) -> GroupType:
    """The message's type, with room for it: the account's own, or the operators', which so becomes its own.

    Raises InvalidMessage.
    """
    live = GroupType.objects.filter(rule__owner=owner).exclude(rule__state=RuleState.RETIRED)
    found = live.select_related("rule").filter(rule__name=message.type).first()
    if found is None and owner is not None:
        found = adopt(message.type, owner=owner, origin=origin)
    if found is None:
        offered = GroupType.objects.filter(rule__owner=None).exclude(rule__state=RuleState.RETIRED)
        names = list((live | offered).values_list("rule__name", flat=True).distinct()[:1000])
        raise _refused(message, [_unknown_type(message.type, names)])
    if message.size > found.max_bytes:
        problem = f"the message has {message.size:,} bytes, and its type takes {found.max_bytes:,} at most"
        remedy = "Send a reference to the data, or let the type take more."
        raise _refused(message, [Refusal(field="data", problem=problem, remedy=remedy)])
    return found


def _unknown_type(name: str, known: list[str]) -> InvalidField:
    close = get_close_matches(name, known, n=1)
    told = (
        f"Known are {', '.join(sorted(known)[:20])}."
        if known
        else "None is configured yet: PUT one to /group-types/{name}, or ask an operator."
    )
    return Refusal(
        field="type",
        problem=f"there is no group type {shown(name)}",
        remedy=f"Did you mean {close[0]!r}?" if close else told,
    )


def _hold_entity(kind: str, key: str, owner: int | None, origin: Origin) -> int:
    hold = partial(grouping.hold_entity, kind, key, owner=owner, origin=origin)
    found = hold()
    while found is None:  # it is missing; or it was deleted between the two looks
        planning.plan_before_edits([kind], origin=origin)
        added = grouping.revive_or_add(kind, key, owner=owner, origin=origin)
        if added:
            planning.plan_entities(added, kinds=[kind], origin=origin)
        found = hold()
    return found


def _check(message: Message) -> None:
    refusals = [*_wrong_texts(message), *_wrong_parts(message)]
    if refusals:
        raise _refused(message, refusals)


def _wrong_texts(message: Message) -> Iterator[InvalidField]:
    texts = (
        ("type", message.type, LONGEST_KEY),
        ("id", message.key, LONGEST_KEY),
        ("key", message.item_key, LONGEST_ITEM_KEY),
    )
    for field, text, most in texts:
        if field != "key" and not text.strip():
            yield Refusal(field=field, problem="it is empty", remedy="Give every message one.")
        if len(text) > most:
            yield Refusal(
                field=field, problem=f"it has {len(text):,} characters", remedy=f"Use {most} at most."
            )
        if not storable(text):
            yield Refusal(
                field=field,
                problem=f"{shown(text)} has characters that the database cannot keep",
                remedy="Leave out NUL, and halves of surrogate pairs.",
            )


def _wrong_parts(message: Message) -> Iterator[InvalidField]:
    if not message.data and not message.message:
        yield Refusal(
            field="data",
            problem="neither data nor message has anything in it",
            remedy="Put what is to be sent into one of the two.",
        )
    for field, parts in (("data", message.data), ("message", message.message)):
        if not _is_kept(parts):
            yield Refusal(
                field=field,
                problem="it is not JSON that PostgreSQL can keep",
                remedy="Leave out NUL characters, numbers that are none, and what is nested hundreds of levels deep.",
            )


def _is_kept(parts: object) -> bool:
    try:
        return storable(parts)
    except RecursionError:
        return False


def _refused(message: Message, refusals: list[InvalidField]) -> InvalidMessage:
    return InvalidMessage(f"a message of type {shown(message.type)} for {shown(message.key)}", refusals)


def drop_item(group: Group, position: int, *, why: str, origin: Origin) -> None:
    """Leave one message of a group out, which no worker has at hand yet. Raises NothingMoved."""
    move = partial(grouping.drop, position=position)
    moved("drop from", NOT_AT_WORK, [group.occurrence_id], move, why=why, origin=origin)


def flush_group(group: Group, *, why: str, origin: Origin) -> None:
    """Send a group at once that waits for its moment, or for its next attempt. Raises NothingMoved."""
    if not grouping.seal_now([group.pk], why=why, origin=origin):
        fire_now([group.occurrence_id], why=why, origin=origin)
        grouping.mark_sealed([group.occurrence_id], origin=origin)


def cancel_group(group: Group, *, why: str, origin: Origin) -> None:
    """Send nothing of a group that has not started; its next message opens another. Raises NothingMoved."""
    movable = "SCHEDULED, PENDING or RETRYING"
    moved("cancel", movable, [group.occurrence_id], transitions.cancel, why=why, origin=origin)
    grouping.mark_sealed([group.occurrence_id], origin=origin)
