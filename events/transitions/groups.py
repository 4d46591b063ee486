"""Parts of statements about groups' rows: whether one still takes messages, its next moment, and what it would tell."""

from __future__ import annotations

from events.lifecycle import State
from events.transitions.statements import LOG_MOVED

# Whether an occurrence `o` still waits for its moment, untouched by any worker. What has come due, or was fired by
# hand, takes no more messages: so no stream of them keeps a sweep from ever finding the row unlocked.
WAITS = f"""
    (o.state = '{State.SCHEDULED}' AND o.attempt = 0 AND o.due_at > %(now)s AND o.available_at > %(now)s)
"""

# The first slot from an instant on that no other group of the key has: a slot is a row's identity, and two groups of a
# key may be promised for one instant.
FREE_SLOT = """
    (SELECT min(next.slot) FROM (
         SELECT {due_at} AT TIME ZONE 'UTC' AS slot
         UNION ALL
         SELECT other.slot + interval '1 microsecond' FROM events_occurrence other
         WHERE other.rule_id = {rule_id} AND other.entity_id = {entity_id} AND other.id <> {id}
           AND other.slot >= {due_at} AT TIME ZONE 'UTC'
     ) AS next
     WHERE NOT EXISTS (
         SELECT 1 FROM events_occurrence taken
         WHERE taken.rule_id = {rule_id} AND taken.entity_id = {entity_id} AND taken.id <> {id}
           AND taken.slot = next.slot AND taken.fold = 0))
"""

# The last steps of a statement whose step `decided` names locked rows that wait: occurrence_id, rule_id, entity_id,
# next_due; and, where the log is to tell of it, the reason and a detail (NULL otherwise).
MOVE_MOMENT = f"""
moved_all AS (
    UPDATE events_occurrence o
    SET due_at = d.next_due, available_at = d.next_due, reason = COALESCE(d.reason, o.reason),
        slot = {FREE_SLOT.format(due_at="d.next_due", rule_id="d.rule_id", entity_id="d.entity_id", id="o.id")}
    FROM decided d WHERE o.id = d.occurrence_id AND (o.due_at <> d.next_due OR d.reason IS NOT NULL)
    RETURNING o.id, o.state AS from_state, o.state AS to_state, d.reason, o.attempt, o.claim_token, d.detail
), moved AS (
    SELECT * FROM moved_all WHERE reason IS NOT NULL
), logged AS ({LOG_MOVED})
"""

# What the group `g` of occurrence `o` and rule `r` is about: all that was sent, in order, but what was dropped.
MESSAGES = """
    jsonb_build_object(
        'type', r.name, 'id', g.key, 'group', g.id,
        'execute_at', (to_jsonb(o.due_at AT TIME ZONE 'UTC') #>> '{}') || 'Z',
        'items', (SELECT count(*) FROM events_groupitem i WHERE i.group_id = g.id AND i.dropped_at IS NULL),
        'data', (
            SELECT COALESCE(jsonb_agg(part.value ORDER BY i.position, part.place), '[]') FROM events_groupitem i
            CROSS JOIN jsonb_array_elements(i.content -> 'data') WITH ORDINALITY AS part(value, place)
            WHERE i.group_id = g.id AND i.dropped_at IS NULL),
        'message', (
            SELECT COALESCE(jsonb_agg(part.value ORDER BY i.position, part.place), '[]') FROM events_groupitem i
            CROSS JOIN jsonb_array_elements(i.content -> 'message') WITH ORDINALITY AS part(value, place)
            WHERE i.group_id = g.id AND i.dropped_at IS NULL))
"""
# The payload that its handler is given: that alone, or the rule's payload with it as `data`.
GROUP_PAYLOAD = f"""
    CASE WHEN r.payload = '{{}}' THEN {MESSAGES} ELSE r.payload || jsonb_build_object('data', {MESSAGES}) END
"""
