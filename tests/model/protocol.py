"""The protocol as a game: who may do what next, played with the real engines on the real database.

One row, two workers, one broker that loses and doubles messages, leases that end at any moment, a recovery that comes
at any moment, and a crash of either worker between any two of its steps. A step is one transaction of the product, or
something that the world does to it.

Nothing but the rule's own limit of attempts bounds the game. A message is delivered as often as the broker likes until
it is lost, so copies are not counted. And claims are not counted either: a token is the row's own or it is stale, and
no statement can tell one stale token from another, because none of them is kept but in the log, which no statement
reads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import connection

from events import transitions
from events.execution import Bench, ChunkOrder
from events.execution.chunks import ChunkRun
from events.execution.transactional import run_apart, run_transactions
from events.handling import Completed, Kind, Outcome, Retry
from events.lifecycle import CLAIMABLE, IN_FLIGHT, Reason, State
from events.queries.audit import audit_log
from tests.model.handlers import Chosen
from tests.model.situations import Broken, Row, Situation, Step, Violation, Work

if TYPE_CHECKING:
    from events.dispatch import Chunk
    from events.transitions.chunk_runs import Run
    from tests.engine.world import World

# What a worker does with its row, given its number and the answer that its handler will give.
Act = Callable[[Situation, Row, int, Outcome], Situation]
LONG = timedelta(hours=1)

LOOK = """
SELECT o::text, o.state, o.attempt, o.failures, o.hold, o.claim_token, o.idempotency_key, o.available_at,
       o.lease_expires_at, (SELECT count(*) FROM events_move t WHERE t.occurrence_id = o.id),
       (SELECT count(*) FROM model_effect),
       (SELECT c.lease_expires_at FROM events_chunkstart c WHERE c.claim_token = o.claim_token)
FROM events_occurrence o WHERE o.id = %s
"""


class Resumed(ChunkRun):
    """A chunk that goes on after it was taken up."""

    run: Run | None

    def take_up(self) -> Run | None:
        return self.run


class Protocol:
    """The game for one row of one handler, which gives any of these answers.

    What is not `watched` may be broken, and the game goes on.
    """

    def __init__(
        self,
        world: World,
        handler: type[Chosen],
        *,
        attempts: int,
        answers: Sequence[Outcome],
        watched: Collection[Broken] = tuple(Broken),
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE model_effect (occurrence_id bigint)")
        self.world, self.handler = world, handler()
        self.attempts, self.answers, self.watched = attempts, answers, watched
        (row,) = world.due(handler=handler.name, max_attempts=attempts)
        self.id = row.pk
        self.first = Situation(world.now)

    def look(self) -> Row:
        """The row as it is."""
        with connection.cursor() as cursor:
            cursor.execute(LOOK, [self.id])
            whole, state, *others = cursor.fetchone()
        return Row(whole, State(state), *others)

    # --- what may happen next: all of it, in every situation; also what should change nothing ---------------------

    def steps(self, now: Situation, row: Row) -> Iterator[Step]:
        """The steps of sweeps, of time, of the broker and of the workers."""
        yield Step("recovery passes", lambda: self._recover(now), helps=True)
        if row.state in CLAIMABLE and row.available_at <= now.now:
            yield Step(
                "a sweep claims the row and publishes its message", lambda: self._claim(now), helps=True
            )
            yield Step("a sweep claims the row, and the broker is away", lambda: self._claim_in_vain(now))
        if row.available_at > now.now or (row.state in IN_FLIGHT and not row.has_lapsed(now.now)):
            yield Step("an hour passes", lambda: replace(now, now=now.now + LONG), helps=True)
        for message in now.messages:
            yield from self._message_steps(now, row, message)
        for number, work in enumerate(now.workers):
            if work is not None:
                yield from self._worker_steps(now, row, number, work)

    def _message_steps(self, now: Situation, row: Row, message: Chunk) -> Iterator[Step]:
        name = "the message" if message.token == row.token else "a stale message"
        yield Step(f"the broker loses {name}", lambda: now.without(message))
        yield Step(f"{name} reaches a worker that stops", lambda: self._give_back(now, message))
        if None in now.workers:
            number = now.workers.index(None)
            says = f"a copy of {name} reaches worker {number + 1}"
            yield Step(says, lambda: self._take(now, message, number), helps=True)

    def _worker_steps(self, now: Situation, row: Row, number: int, work: Work) -> Iterator[Step]:
        name = f"worker {number + 1}" + (", whose claim is lost," if work.has_lost(row) else "")
        yield Step(f"{name} dies", lambda: now.with_work(number, None))
        if work.run is not None:
            yield from self._answers(f"{name} runs its transaction", self._transact, now, row, number)
            yield Step(f"{name} starts its row apart", lambda: self._start_apart(now, number), helps=True)
        elif work.answer is not None:
            yield Step(f"{name} settles", lambda: self._settle(now, row, number), helps=True)
            yield Step(f"{name} renews its lease", lambda: self._renew(now, row, work))
        elif self.handler.kind is Kind.TRANSACTIONAL:
            yield from self._answers(f"{name} runs its row apart", self._transact_apart, now, row, number)
        else:
            yield from self._answers(f"{name} calls", self._call, now, row, number)

    def _answers(self, says: str, act: Act, now: Situation, row: Row, number: int) -> Iterator[Step]:
        for answer in self.answers:
            yield Step(
                f"{says}: {type(answer).__name__}",
                partial(act, now, row, number, answer),
                helps=isinstance(answer, Completed),
            )

    # --- the steps ------------------------------------------------------------------------------------------------

    def _at(self, now: Situation) -> World:
        self.world.now = now.now
        return self.world

    def _recover(self, now: Situation) -> Situation:
        self._at(now).recover()
        return now

    def _claim(self, now: Situation) -> Situation:
        return replace(now, messages=(*now.messages, *self._at(now).claim()))

    def _claim_in_vain(self, now: Situation) -> Situation:
        (message,) = self._at(now).claim()
        origin = self.world.origin("engine:test")
        transitions.recall(message.ids, token=message.token, reason=Reason.BROKER_AWAY, origin=origin)
        return now

    def _chunk(self, now: Situation, order: ChunkOrder) -> Resumed:
        return Resumed(order, self.handler, Bench(clock=lambda: now.now, worker="worker:test"))

    def _order(self, message: Chunk) -> ChunkOrder:
        return ChunkOrder(message.token, message.correlation_id, message.ids, task_id=str(uuid4()))

    def _take(self, now: Situation, message: Chunk, number: int) -> Situation:
        chunk = self._chunk(now, self._order(message))
        if self.handler.kind is Kind.TRANSACTIONAL:
            run = ChunkRun.take_up(chunk)
            return now.with_work(number, Work(chunk.order, run=run)) if run else now
        started = chunk.start(message.ids)
        return now.with_work(number, Work(chunk.order, row=started[0])) if started else now

    def _give_back(self, now: Situation, message: Chunk) -> Situation:
        self._chunk(now, self._order(message)).give_back(message.ids, Reason.WORKER_STOPPING)
        return now

    def _renew(self, now: Situation, row: Row, work: Work) -> Situation:
        origin = self._at(now).origin("worker:test")
        lease_until = self._chunk(now, work.order).lease_until(origin)
        transitions.renew([self.id], token=work.order.token, lease_until=lease_until, origin=origin)
        self._unmoved_if_lost(row, work, told=0)
        return now

    def _call(self, now: Situation, row: Row, number: int, answer: Outcome) -> Situation:
        if self.handler.kind is Kind.NON_IDEMPOTENT:
            self._must(not now.happened, Broken.SECOND_CALL)
        work = now.workers[number]
        assert work is not None
        assert work.row is not None
        context = self._chunk(now, work.order).context(work.row)
        self._must(context.idempotency_key == row.key, Broken.OTHER_KEY)
        Chosen.answer = answer
        called = replace(work, answer=self.handler.handle(context))
        happened = now.happened or not isinstance(answer, Retry)
        return replace(now.with_work(number, called), happened=happened)

    def _settle(self, now: Situation, row: Row, number: int) -> Situation:
        work = now.workers[number]
        assert work is not None
        assert work.row is not None
        assert work.answer is not None
        self._chunk(now, work.order).settle([(work.row, work.answer)])
        self._unmoved_if_lost(row, work, told=1)
        return now.with_work(number, None)

    def _transact(self, now: Situation, row: Row, number: int, answer: Outcome) -> Situation:
        work = now.workers[number]
        assert work is not None
        Chosen.answer = answer
        chunk = self._chunk(now, work.order)
        chunk.run = work.run
        run_transactions(chunk)
        self._unmoved_if_lost(row, work, told=0)
        return now.with_work(number, None)

    def _start_apart(self, now: Situation, number: int) -> Situation:
        work = now.workers[number]
        assert work is not None
        started = self._chunk(now, work.order).start([self.id])
        return now.with_work(
            number, replace(work, run=None, left=work.run, row=started[0]) if started else None
        )

    def _transact_apart(self, now: Situation, row: Row, number: int, answer: Outcome) -> Situation:
        work = now.workers[number]
        assert work is not None
        assert work.row is not None
        assert work.left is not None
        Chosen.answer = answer
        run_apart(self._chunk(now, work.order), work.left, [work.row])
        self._unmoved_if_lost(row, work, told=1)
        return now.with_work(number, None)

    # --- what must hold -------------------------------------------------------------------------------------------

    def _must(self, holds: bool, otherwise: Broken, detail: object = "") -> None:
        if not holds and otherwise in self.watched:
            raise Violation(otherwise, detail)

    def _unmoved_if_lost(self, before: Row, work: Work, *, told: int) -> None:
        """A worker that had lost its claim changed nothing, and its answer is told in the log."""
        if work.has_lost(before):
            after = self.look()
            self._must(after.whole == before.whole, Broken.STALE_MOVE, f"{before.state} became {after.state}")
            self._must(after.moves == before.moves + told, Broken.UNTOLD)

    def check(self, now: Situation, before: Row, row: Row) -> None:
        """Raises Violation where what a step led to breaks an invariant."""
        completed = row.state == State.COMPLETED
        if self.handler.kind is Kind.TRANSACTIONAL:
            self._must(row.effects == completed, Broken.EFFECTS, f"{row.effects} effects, {row.state}")
        else:
            self._must(now.happened or not completed, Broken.NO_CALL)
        if (row.moves, row.whole) != (before.moves, before.whole):
            audit = audit_log(after_id=self.id - 1, up_to_id=self.id)
            problems = "; ".join(each.problem for each in audit.disagreements)
            self._must(audit.total == 0 and audit.moves == row.moves, Broken.LOG, problems)
