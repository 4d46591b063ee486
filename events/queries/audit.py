"""Does the log tell how every row came to where it stands? It is replayed, set by set, and compared.

One statement looks at a range of ids and so sees one instant: rows may move meanwhile, and nothing is locked. What
`retain` dropped, and wrote down that it did, is not missed: a story may begin where the log does now, and a row that
ended long enough ago may be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from events.lifecycle import FINAL, IN_FLIGHT, LEGAL_MOVES, Reason
from events.models.history import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

# Small enough for a range's moves to be sorted in little memory.
STEP = 20_000
# More than these are counted alone.
MOST_KEPT = 100

# Claim, start and outcome follow from each other, and each reads the database's clock when its turn has come. Only a
# clock that was set back by hand, or by much at once, takes them further back than this.
CLOCK_NOISE = timedelta(seconds=1)
# Any other move bears the instant of its decision, which may have waited for locks, or be one of a long import.
LONGEST_DECISION = timedelta(hours=1)

# They are told in the log, and leave the row's own reason as it is.
ASIDE = (Reason.LATE_ANSWER, Reason.AMENDED, Reason.REFUSED)

# Whatever is joined is joined fully: PostgreSQL then never walks one side for each row of the other, as it would like
# to where its statistics are old and call a range empty.
AUDIT = """
WITH cut AS MATERIALIZED (
    SELECT COALESCE(max(before) FILTER (WHERE what = 'log'), '-infinity') AS log,
           COALESCE(max(before) FILTER (WHERE what = 'rows'), '-infinity') AS rows FROM events_retention
), block AS (
    SELECT array_agg(number) AS numbers
    FROM generate_series(%(after)s::bigint / %(block)s, %(up_to)s::bigint / %(block)s) AS each(number)
), told AS MATERIALIZED (
    SELECT number AS id, occurrence_id, from_state, to_state, reason, attempt, claim_token, at FROM events_move
    WHERE (alone > %(after)s AND alone <= %(up_to)s
           OR blocks && (SELECT numbers FROM block))
      AND occurrence_id > %(after)s AND occurrence_id <= %(up_to)s
), moves AS MATERIALIZED (
    SELECT t.id, t.occurrence_id, t.from_state, t.to_state, t.reason, t.attempt, t.claim_token, t.at,
           t.from_state = t.to_state AS stays, t.reason = ANY(%(aside)s) AS aside,
           lag(t.to_state) OVER story AS state_before, lag(t.at) OVER story AS at_before,
           lag(t.reason) OVER moving AS last_reason, lag(t.claim_token) OVER moving AS last_token,
           lag(t.at) OVER moving AS last_at,
           count(*) FILTER (WHERE t.reason = 'started') OVER story
           + first_value(t.attempt - (t.reason = 'started')::int) OVER story AS starts
    FROM told t
    WINDOW story AS (PARTITION BY t.occurrence_id ORDER BY t.id),
           moving AS (PARTITION BY t.occurrence_id, t.from_state = t.to_state ORDER BY t.id)
), replayed AS (
    SELECT occurrence_id, max(starts) AS starts, min(id) AS first,
           (array_agg(reason ORDER BY id))[1] AS first_reason,
           (array_agg(from_state ORDER BY id))[1] AS first_from, (array_agg(to_state ORDER BY id))[1] AS first_to,
           (array_agg(to_state ORDER BY id DESC))[1] AS state,
           (array_agg(reason ORDER BY id DESC) FILTER (WHERE NOT aside))[1] AS reason,
           (array_agg(claim_token ORDER BY id DESC) FILTER (WHERE NOT stays))[1] AS token,
           (array_agg(at ORDER BY id DESC) FILTER (WHERE NOT stays))[1] AS moved_at
    FROM moves GROUP BY occurrence_id
), occurrence AS MATERIALIZED (
    SELECT o.id, o.state, o.reason, o.attempt, o.claim_token, o.finished_at,
           o.created_at < cut.log + %(decision)s AS older
    FROM events_occurrence o CROSS JOIN cut
    WHERE o.id > %(after)s AND o.id <= %(up_to)s
), tried AS (
    SELECT occurrence_id, attempt AS number,
           max(id) FILTER (WHERE NOT ends) AS start, max(at) FILTER (WHERE NOT ends) AS started_at,
           max(id) FILTER (WHERE ends) AS ended_by, max(at) FILTER (WHERE ends) AS ended_at,
           max(reason) FILTER (WHERE ends) AS reason
    FROM moves, LATERAL (SELECT from_state = 'PROCESSING' AND NOT stays AS ends) AS way
    WHERE ends OR reason = 'started' GROUP BY occurrence_id, attempt
), attempt AS (
    SELECT occurrence_id, number, max(started_at) AS started_at, max(finished_at) AS finished_at, count(*) AS times
    FROM events_one_attempt
    WHERE (alone > %(after)s AND alone <= %(up_to)s OR blocks && (SELECT numbers FROM block))
      AND occurrence_id > %(after)s AND occurrence_id <= %(up_to)s
    GROUP BY occurrence_id, number
), gone AS MATERIALIZED (
    SELECT r.occurrence_id FROM occurrence o FULL JOIN replayed r ON r.occurrence_id = o.id WHERE o.id IS NULL
), looked AS (
    SELECT occurrence_id, id AS place, CASE
        WHEN from_state <> state_before THEN
            format('move %%s (%%s) starts in %%s, and the one before it ended in %%s',
                   id, reason, COALESCE(NULLIF(from_state, ''), 'nowhere'), state_before)
        WHEN NOT stays AND from_state <> '' AND from_state || '>' || to_state <> ALL(%(legal)s) THEN
            format('move %%s (%%s) is illegal: %%s to %%s', id, reason, from_state, to_state)
        WHEN attempt <> starts THEN
            format('move %%s (%%s) is of attempt %%s, and by then %%s had started', id, reason, attempt, starts)
        WHEN NOT stays AND from_state = ANY(%(in_flight)s) AND last_reason IS NOT NULL
             AND claim_token IS DISTINCT FROM last_token THEN
            format('move %%s (%%s) shows another claim token than the one before it (%%s)', id, reason, last_reason)
        WHEN NOT stays AND 'PROCESSING' IN (from_state, to_state) AND at < last_at - %(noise)s THEN
            format('move %%s (%%s) was made at %%s, before the one that it follows from (%%s, at %%s)',
                   id, reason, at, last_reason, last_at)
        WHEN at < at_before - %(decision)s THEN
            format('move %%s (%%s) was made at %%s, long before the one before it (at %%s)',
                   id, reason, at, at_before)
        END AS says
    FROM moves
  UNION ALL
    SELECT r.occurrence_id, r.first,
           format('its first move (%%s, %%s) leads from %%s to %%s, not from nowhere to SCHEDULED',
                  r.first, r.first_reason, COALESCE(NULLIF(r.first_from, ''), 'nowhere'), r.first_to)
    FROM occurrence o FULL JOIN replayed r ON r.occurrence_id = o.id CROSS JOIN cut
    WHERE r.first_from = '' AND r.first_to <> 'SCHEDULED'
       OR r.first_from <> '' AND NOT COALESCE(o.older, cut.log > '-infinity')
  UNION ALL
    SELECT COALESCE(o.id, r.occurrence_id), NULL, CASE
        WHEN o.id IS NULL THEN CASE
            WHEN r.state <> ALL(%(final)s) THEN format('its row is gone, and its log ends in %%s', r.state)
            WHEN r.moved_at >= cut.rows THEN
                format('its row is gone, and no row that ended as late as %%s was dropped', r.moved_at)
            END
        WHEN r.state IS NULL THEN CASE WHEN NOT o.older THEN 'the log has no move of it' END
        WHEN o.state <> r.state THEN format('its row is %%s, and its log ends in %%s', o.state, r.state)
        WHEN o.reason <> r.reason THEN
            format('its row gives the reason %%s, and its log ends with %%s', o.reason, r.reason)
        WHEN o.attempt <> r.starts THEN
            format('its row counts %%s attempts, and its log %%s starts', o.attempt, r.starts)
        WHEN o.claim_token IS NOT NULL AND o.claim_token IS DISTINCT FROM r.token THEN
            'its row shows another claim token than the last move of its log'
        WHEN o.finished_at <> r.moved_at THEN
            format('its row ended at %%s, and its log at %%s', o.finished_at, r.moved_at)
        END
    FROM occurrence o FULL JOIN replayed r ON r.occurrence_id = o.id CROSS JOIN cut
  UNION ALL
    SELECT COALESCE(a.occurrence_id, t.occurrence_id), NULL, CASE
        WHEN a.number IS NULL THEN CASE WHEN t.occurrence_id NOT IN (SELECT occurrence_id FROM gone) THEN
            format('attempt %%s is in the log (move %%s), and has no row', t.number, COALESCE(t.start, t.ended_by))
            END
        WHEN a.times > 1 THEN
            format('attempt %%s stands %%s times', a.number, a.times)
        WHEN t.start IS NULL AND a.started_at >= cut.log THEN
            format('attempt %%s has a row, and no move started it', a.number)
        WHEN a.started_at <> t.started_at THEN
            format('attempt %%s started at %%s, and move %%s says %%s', a.number, a.started_at, t.start, t.started_at)
        WHEN a.finished_at IS NULL AND t.ended_by IS NOT NULL THEN
            format('attempt %%s is not finished, and move %%s (%%s) ended it', a.number, t.ended_by, t.reason)
        WHEN a.finished_at >= cut.log AND t.ended_by IS NULL THEN
            format('attempt %%s is finished, and no move ended it', a.number)
        WHEN a.finished_at <> t.ended_at THEN
            format('attempt %%s finished at %%s, and move %%s says %%s',
                   a.number, a.finished_at, t.ended_by, t.ended_at)
        END
    FROM attempt a FULL JOIN tried t ON t.occurrence_id = a.occurrence_id AND t.number = a.number CROSS JOIN cut
), problem AS MATERIALIZED (
    SELECT * FROM looked WHERE says IS NOT NULL
), kept AS (
    SELECT * FROM problem ORDER BY occurrence_id, place, says LIMIT %(most)s
)
SELECT (SELECT count(*) FROM occurrence), (SELECT count(*) FROM moves),
       (SELECT count(*) FROM problem),
       (SELECT array_agg(occurrence_id ORDER BY occurrence_id, place, says) FROM kept),
       (SELECT array_agg(says ORDER BY occurrence_id, place, says) FROM kept)
"""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing in which a row, its attempts and its log contradict each other or themselves."""

    occurrence_id: int
    problem: str

    def __str__(self) -> str:
        return f"occurrence {self.occurrence_id}: {self.problem}."


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked at, how many disagreements there are (`total`), and the first of them, by id."""

    rows: int = 0
    moves: int = 0
    total: int = 0
    disagreements: tuple[Disagreement, ...] = ()

    def __add__(self, other: Audit) -> Audit:
        kept = (*self.disagreements, *other.disagreements)[:MOST_KEPT]
        return Audit(self.rows + other.rows, self.moves + other.moves, self.total + other.total, kept)


def audit_log(
    *, after_id: int = 0, up_to_id: int | None = None, tell: Callable[[int], None] = lambda _: None
) -> Audit:
    """Replay the log of the occurrences with after_id < id <= up_to_id (None: all that there are by now).

    `tell` is given the last id of each set that was looked at.
    """
    end = last_id() if up_to_id is None else up_to_id
    audit = Audit()
    for after in range(after_id, end, STEP):
        up_to = min(after + STEP, end)
        audit += _look(after, up_to)
        tell(up_to)
    return audit


def last_id() -> int:
    """No occurrence that there is, or of which the log tells, has a larger id; 0 if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE(greatest(pg_sequence_last_value(pg_get_serial_sequence('events_occurrence', 'id')),"
            " (SELECT max(id) FROM events_occurrence), (SELECT max(occurrence_id) FROM events_transition)), 0)"
        )
        return int(cursor.fetchone()[0])


def _look(after: int, up_to: int) -> Audit:
    with connection.cursor() as cursor:
        cursor.execute(AUDIT, KNOWN | {"after": after, "up_to": up_to})
        rows, moves, total, ids, problems = cursor.fetchone()
    return Audit(rows, moves, total, tuple(map(Disagreement, ids or (), problems or ())))


KNOWN: dict[str, Any] = {
    "aside": [reason.value for reason in ASIDE],
    "legal": [f"{start.value}>{end.value}" for start, ends in LEGAL_MOVES.items() for end in ends],
    "in_flight": sorted(state.value for state in IN_FLIGHT),
    "final": sorted(state.value for state in FINAL),
    "noise": CLOCK_NOISE,
    "decision": LONGEST_DECISION,
    "most": MOST_KEPT,
    "block": BLOCK,
}
