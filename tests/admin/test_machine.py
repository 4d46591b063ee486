"""What operators see of the machine itself: downtimes and what became of them, clocks, breakers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from events import breakers, clock, operations, recovery
from events.breakers import Destination, Tolerance
from events.models import Breaker, ChunkStart, Downtime, Occurrence, ProcessClock, Watermark
from events.queries import clocks, downtimes
from events.queries.downtimes import Aftermath
from tests.admin.conftest import messages_of
from tests.engine.world import World

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

pytestmark = pytest.mark.django_db

NONE = Aftermath(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
MINUTE = timedelta(minutes=1)
EXAMPLE = Destination("webhook", "example.com:443")
TOLERANCE = Tolerance(5, timedelta(seconds=30))


@pytest.fixture
def night(db: None) -> World:
    """A world just before midnight UTC, in which nobody has swept for two minutes."""
    return World(datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC))


def down_around(world: World) -> Downtime:
    """The world's present second was in a downtime of two minutes, which ends as the world goes on."""
    started_at = world.now - MINUTE
    assert recovery.mark_swept(now=started_at, sweeper="a:1", longest_gap=MINUTE) is None
    world.now += MINUTE
    found = recovery.mark_swept(now=world.now, sweeper="b:2", longest_gap=MINUTE)
    assert found is not None
    return found


def says(downtime: Downtime, **counts: int) -> str:
    aftermath = Aftermath(**{**dict.fromkeys(Aftermath.__slots__, 0), **counts})
    return downtimes.in_words(downtime, aftermath, now=downtime.ended_at)


def test_what_came_due_while_nobody_swept_is_told_as_it_is_caught_up(night: World) -> None:
    rows = night.due(3, name="Every night")
    downtime = down_around(night)
    told = downtimes.told(downtime, now=night.now)
    assert told.says == (
        "Nothing swept from 2027-02-28 23:58:30 to 2027-03-01 00:00:30 UTC (2 min): 3 came due, all 3 still wait."
    )
    assert not told.aftermath.is_over
    night.sweep()
    told = downtimes.told(downtime, now=night.now)
    assert told.says.endswith("(2 min): 3 came due, all 3 fired late.")
    assert told.aftermath.is_over
    assert {row.due_at for row in rows} == {downtime.started_at + MINUTE}


def test_only_what_was_due_from_its_start_on_and_before_its_end_counts(night: World) -> None:
    rows = night.due(4)
    downtime = down_around(night)
    for row, due_at in zip(
        rows,
        (
            downtime.started_at - timedelta(microseconds=1),
            downtime.started_at,
            downtime.ended_at - timedelta(microseconds=1),
            downtime.ended_at,
        ),
        strict=True,
    ):
        Occurrence.objects.filter(pk=row.pk).update(due_at=due_at)
    assert downtimes.aftermath_of(downtime).due == 2


def test_every_fate_is_counted_once(night: World) -> None:
    night.due(1, name="fired in time, by an operator's word")
    night.sweep()
    night.due(1, name="latest alone", catch_up="latest", grace=timedelta(0))
    night.due(1, name="skip what is missed", catch_up="skip", grace=timedelta(0))
    night.due(1, name="too old", expires_after=timedelta(seconds=10))
    held = night.due(1, name="paused")[0]
    cancelled = night.due(1, name="called off")[0]
    night.due(1, name="late", handler="log")
    Occurrence.objects.filter(pk=held.pk).update(hold="rule_paused")
    downtime = down_around(night)
    operations.cancel([cancelled.pk], why="no party", origin=night.origin())
    assert downtimes.aftermath_of(downtime) == Aftermath(
        due=7, fired_late=0, fired_before=1, skipped=0, expired=0, otherwise_skipped=0,
        cancelled=1, dead_letters=0, held=1, waiting=4,
    )  # fmt: skip
    night.sweep()
    assert downtimes.aftermath_of(downtime) == Aftermath(
        due=7, fired_late=2, fired_before=1, skipped=1, expired=1, otherwise_skipped=0,
        cancelled=1, dead_letters=0, held=1, waiting=0,
    )  # fmt: skip


TODAY = Downtime(
    started_at=datetime(2027, 3, 28, 8, 59, tzinfo=UTC), ended_at=datetime(2027, 3, 28, 9, 1, tzinfo=UTC)
)
LONG = Downtime(
    started_at=datetime(2027, 3, 26, 23, 59, 58, 700, tzinfo=UTC),
    ended_at=datetime(2027, 3, 28, 2, 0, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("downtime", "counts", "said"),
    [
        (TODAY, {}, "Nothing swept from 08:59 to 09:01 UTC (2 min): nothing came due."),
        (
            TODAY, {"due": 312, "fired_late": 312},
            "Nothing swept from 08:59 to 09:01 UTC (2 min): 312 came due, all 312 fired late.",
        ),
        (TODAY, {"due": 1, "waiting": 1}, "Nothing swept from 08:59 to 09:01 UTC (2 min): 1 came due, it still waits."),
        (
            TODAY, {"due": 2, "dead_letters": 2},
            "Nothing swept from 08:59 to 09:01 UTC (2 min): 2 came due, both wait for a person.",
        ),
        (
            TODAY,
            {"due": 8, **dict.fromkeys(
                ("fired_before", "skipped", "expired", "otherwise_skipped", "cancelled", "dead_letters", "held",
                 "waiting"), 1
            )},
            (
                "Nothing swept from 08:59 to 09:01 UTC (2 min): 8 came due: 1 fired before, 1 was skipped by its "
                "rule's catch-up policy, 1 was past its rule's expiry, 1 was skipped for another reason, "
                "1 was cancelled, 1 waits for a person, 1 is held, 1 still waits."
            ),
        ),
        (
            LONG, {"due": 312, "fired_late": 300, "skipped": 10, "waiting": 2},
            (
                "Nothing swept from 2027-03-26 23:59:58 to 2027-03-28 02:00 UTC (1 d 2 h): 312 came due: "
                "300 fired late, 10 were skipped by their rules' catch-up policy, 2 still wait."
            ),
        ),
    ],
)  # fmt: skip
def test_a_downtime_is_told_in_a_sentence(downtime: Downtime, counts: dict[str, int], said: str) -> None:
    assert says(downtime, **counts) == said


def test_a_downtime_of_another_day_names_its_date_once() -> None:
    told = downtimes.in_words(TODAY, NONE, now=TODAY.ended_at + timedelta(days=1))
    assert told.startswith("Nothing swept from 2027-03-28 08:59 to 09:01 UTC (2 min)")


def test_what_is_late_waits_in_the_lane_of_the_late_and_what_is_in_time_in_the_other(night: World) -> None:
    assert downtimes.waiting_in_words(downtimes.waiting(now=night.now), now=night.now) == ""
    night.due(2, name="late", grace=MINUTE)
    night.now += 2 * MINUTE
    night.due(3, name="in time", grace=MINUTE)
    night.due(1, name="held")
    Occurrence.objects.filter(rule__name="held").update(hold="rule_paused")
    found = downtimes.waiting(now=night.now)
    assert (found.late, found.in_time) == (2, 3)
    assert downtimes.waiting_in_words(found, now=night.now) == (
        "Catching up: 2 rows later than their grace wait in the lane catchup, the oldest due since "
        "2027-02-28 23:59:30 UTC; 3 in time wait in the lane live."
    )
    lanes = Counter(chunk.lane.value for chunk in night.claim() for _ in chunk.ids)
    assert lanes == {"catchup": 2, "live": 3}


def test_a_clock_is_wrong_beyond_a_second_either_way_if_it_was_measured_lately(db: None) -> None:
    now = clock.now()
    for process, skew, ago in (
        ("a:1", timedelta(seconds=1), 0),
        ("b:2", timedelta(seconds=1, microseconds=1), 9),
        ("c:3", timedelta(days=-1), 9),
        ("gone:4", timedelta(days=1), 11),
    ):
        ProcessClock.objects.create(process=process, role="worker", skew=skew, measured_at=now - ago * MINUTE)
    wrong = clocks.wrong_clocks(now=now)
    assert [row.process for row in wrong] == ["c:3", "b:2"]
    assert clocks.in_words(wrong) == (
        "Wrong clocks, compared with the database's: worker c:3 is 1 d behind, worker b:2 is 1.000 s ahead."
    )


@pytest.fixture
def opened(world: World) -> Breaker:
    """It opened after five failures, and holds two rows of its destination; a third row waits for another one."""
    breakers.failed(EXAMPLE, [1, 2, 3, 4, 5], why="503 from it", tolerance=TOLERANCE, now=world.now)
    held = world.due(3, handler="webhook", payload={"url": "https://example.com/"})
    Occurrence.objects.filter(pk__in=[row.pk for row in held]).update(
        hold="breaker_open", destination=EXAMPLE.name
    )
    Occurrence.objects.filter(pk=held[0].pk).update(destination="other.example:443")
    return Breaker.objects.get()


def test_an_open_breaker_is_shown_with_what_it_holds_and_is_closed_with_a_reason(
    alice: Client, opened: Breaker
) -> None:
    page = alice.get(reverse("admin:events_breaker_changelist")).content.decode()
    assert "webhook to example.com:443" in page
    assert "503 from it" in page
    address = reverse("admin:events_breaker_change", args=[opened.pk])
    page = alice.get(address).content.decode()
    assert "No call is made before the next probe, in" in page
    assert "5 failures in a row: 503 from it" in page
    assert "2 occurrences held by it" in page

    act = reverse("admin:events_breaker_act", args=["close"])
    assert "Say why" in alice.post(act, {"ids": opened.pk, "why": ""}).content.decode()
    opened.refresh_from_db()
    assert opened.state == "open"
    answer = alice.post(act, {"ids": opened.pk, "why": "they mended it"}, follow=True)
    assert messages_of(answer)[0].startswith("1 breaker closed")
    opened.refresh_from_db()
    assert (opened.state, opened.failures) == ("closed", 0)
    entry = LogEntry.objects.get()
    assert (entry.user.get_username(), "Close breaker: they mended it" in entry.change_message) == (
        "alice",
        True,
    )
    answer = alice.post(act, {"ids": opened.pk, "why": "again"}, follow=True)
    assert messages_of(answer) == ["1 breaker stayed as before."]
    assert LogEntry.objects.count() == 1


def test_a_breaker_is_kept_open_by_hand_for_a_while(alice: Client, opened: Breaker) -> None:
    act = reverse("admin:events_breaker_act", args=["open"])
    for minutes in ("", "0", "10081"):
        alice.post(act, {"ids": opened.pk, "why": "maintenance", "minutes": minutes})
    opened.refresh_from_db()
    assert opened.last_failure == "503 from it"
    answer = alice.post(act, {"ids": opened.pk, "why": "maintenance", "minutes": "90"}, follow=True)
    assert messages_of(answer)[0].startswith("1 breaker opened: no call is made before ")
    opened.refresh_from_db()
    assert opened.last_failure == "opened by user:alice: maintenance"
    assert opened.probe_at is not None
    assert opened.opened_at is not None
    assert opened.probe_at - opened.opened_at == 90 * MINUTE
    assert "Open breaker: maintenance" in LogEntry.objects.get().change_message


def test_who_may_only_look_finds_no_verb_and_may_not_use_one(charlie: Client, opened: Breaker) -> None:
    page = charlie.get(reverse("admin:events_breaker_change", args=[opened.pk]))
    assert page.context["page"]["verbs"] == []
    act = reverse("admin:events_breaker_act", args=["close"])
    assert charlie.post(act, {"ids": opened.pk, "why": "please"}).status_code == 403
    opened.refresh_from_db()
    assert opened.state == "open"


def test_the_overview_says_first_what_is_wrong_with_the_machine(
    charlie: Client, world: World, opened: Breaker
) -> None:
    now = clock.now()
    ProcessClock.objects.create(process="a:1", role="beat", skew=timedelta(minutes=5), measured_at=now)
    Watermark.objects.create(pk=1, swept_until=now)
    Downtime.objects.create(
        started_at=now - timedelta(days=9), ended_at=now - timedelta(days=8), noticed_by="a:1"
    )
    downtime = Downtime.objects.create(
        started_at=now - MINUTE * 10, ended_at=now - MINUTE * 5, noticed_by="a:1"
    )
    page = charlie.get(reverse("admin:index"))
    wrong, open_one, down = page.context["notices"]
    assert (wrong.says.startswith("Wrong clocks"), wrong.worry) == (True, True)
    assert (open_one.says.startswith("Breaker: webhook to example.com:443 is open"), open_one.worry) == (
        True,
        True,
    )
    assert down.says.endswith("(5 min): nothing came due.")
    assert not down.worry
    assert down.link.endswith(f"/downtime/{downtime.pk}/change/")
    assert b"Time is swept until" in page.content
    for notice in page.context["notices"]:
        assert charlie.get(notice.link).status_code == 200


def test_a_machine_that_is_well_is_not_spoken_of(charlie: Client, world: World) -> None:
    assert charlie.get(reverse("admin:index")).context["notices"] == []


def test_of_many_open_breakers_the_overview_names_a_few(charlie: Client, world: World) -> None:
    for number in range(5):
        breakers.failed(
            Destination("webhook", f"{number}.example"), [1] * 5, why="", tolerance=TOLERANCE, now=world.now
        )
    told: list[Any] = charlie.get(reverse("admin:index")).context["notices"]
    assert len(told) == 4
    assert told[-1].says == "2 more breakers not closed."


def test_the_page_of_a_downtime_leads_to_what_was_due_in_it(charlie: Client, world: World) -> None:
    rows = world.due(2, name="Missed")
    world.rule(name="Tomorrow")
    downtime = down_around(world)
    listed = charlie.get(reverse("admin:events_downtime_changelist")).content.decode()
    assert "2 came due, both still wait" in listed
    page = charlie.get(reverse("admin:events_downtime_change", args=[downtime.pk]))
    found = charlie.get(page.context["page"]["link"]).context["cl"].result_list
    assert {row.pk for row in found} == {row.pk for row in rows}


@pytest.mark.parametrize("model", [Breaker, Downtime, ProcessClock])
def test_what_the_machine_wrote_is_read_and_never_edited(
    alice: Client, charlie: Client, world: World, opened: Breaker, model: type[Model]
) -> None:
    down_around(world)
    ProcessClock.objects.create(process="a:1", role="web", skew=timedelta(0), measured_at=world.now)
    name = f"admin:events_{model._meta.model_name}"
    (row,) = model._default_manager.all()
    # The process that answers may record its own clock meanwhile, in a row of its own.
    as_it_is = model._default_manager.filter(pk=row.pk).values()
    before = as_it_is.get()
    assert charlie.get(reverse(f"{name}_changelist")).status_code == 200
    assert charlie.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
    for verb, arguments in (("add", []), ("change", [row.pk]), ("delete", [row.pk])):
        assert alice.post(reverse(f"{name}_{verb}", args=arguments), {"state": "closed"}).status_code == 403
    assert as_it_is.all().get() == before


def test_open_breakers_are_listed_before_closed_ones(charlie: Client, world: World) -> None:
    for name, times in (("a.example", 1), ("b.example", 5)):
        breakers.failed(Destination("webhook", name), [1] * times, why="", tolerance=TOLERANCE, now=world.now)
    listed = charlie.get(reverse("admin:events_breaker_changelist")).context["cl"].result_list
    assert [row.destination for row in listed] == ["b.example", "a.example"]


def test_what_a_worker_is_at_can_be_read(charlie: Client, world: World) -> None:
    rows = world.due(3)
    world.lose(world.claim_together())
    page = charlie.get(reverse("admin:events_chunkstart_changelist")).content.decode()
    assert "worker:doomed" in page
    assert f"{world.now:%Y-%m-%d %H:%M}" in page
    chunk = ChunkStart.objects.get()
    told = charlie.get(reverse("admin:events_chunkstart_change", args=[chunk.pk])).content.decode()
    assert all(str(row.pk) in told for row in rows)
    assert "chunks at work" in page.lower()
