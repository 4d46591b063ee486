"""Every page answers, and shows what it should to whom it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import reverse
from django_celery_results.models import TaskResult

from events.models import Attempt, Entity, Occurrence, OneAttempt, Rule, Sweep, Transition

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

OURS: list[type[Model]] = [Entity, Rule, Occurrence, Attempt, Transition, Sweep, TaskResult]
MACHINE_ROWS: list[type[Model]] = [Occurrence, Attempt, Transition, Sweep, TaskResult]
BEATS = ["periodictask", "intervalschedule", "crontabschedule", "clockedschedule", "solarschedule"]


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def lived_in(world: World, dead_letter: Occurrence, scheduled: Occurrence) -> None:
    """A row of everything."""
    Sweep.objects.create(sweeper="host:1", started_at=world.now, seen_at=world.now)
    ran = OneAttempt.objects.get(occurrence=dead_letter).task_id
    TaskResult.objects.create(task_id=ran, status="SUCCESS", task_name="punctual.execute")


@pytest.mark.usefixtures("lived_in")
@pytest.mark.parametrize("model", OURS)
def test_whoever_may_look_sees_every_list_and_every_row(charlie: Client, model: type[Model]) -> None:
    assert charlie.get(address(model, "changelist")).status_code == 200
    for row in model._default_manager.all()[:3]:
        assert charlie.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.usefixtures("lived_in")
def test_every_sidebar_link_and_card_answers(alice: Client) -> None:
    page = alice.get(reverse("admin:index"))
    links = [str(item["link"]) for group in page.context["sidebar_navigation"] for item in group["items"]]
    for link in [*links, *(card["link"] for card in page.context["cards"])]:
        assert alice.get(link).status_code == 200, link


def test_the_overview_of_an_empty_installation_says_what_to_do_first(alice: Client) -> None:
    page = alice.get(reverse("admin:index")).content.decode()
    assert "Write a rule" in page
    assert "No dead letters" in page


@pytest.mark.usefixtures("lived_in")
def test_the_overview_counts_what_waits_for_a_person_and_names_it(charlie: Client) -> None:
    page = charlie.get(reverse("admin:index"))
    assert {card["title"]: card["figure"] for card in page.context["cards"]}["Dead letters"] == "1"
    assert names_of(page.context["dead"]) == ["Doomed"]


def test_a_user_without_permissions_sees_no_numbers(alice: Client, django_user_model: type[Model]) -> None:
    nobody = django_user_model._default_manager.create(username="dave", is_staff=True)
    alice.force_login(nobody)  # type: ignore[arg-type]
    page = alice.get(reverse("admin:index"))
    assert "cards" not in page.context
    assert b"Ask whoever manages users" in page.content


@pytest.mark.usefixtures("lived_in")
@pytest.mark.parametrize("model", MACHINE_ROWS)
@pytest.mark.parametrize("verb", ["add", "change", "delete"])
def test_machine_rows_are_never_edited_even_by_their_owner(
    alice: Client, model: type[Model], verb: str
) -> None:
    row = model._default_manager.all()[0]
    before = model._default_manager.filter(pk=row.pk).values().get()
    answer = alice.post(address(model, verb, *([] if verb == "add" else [row.pk])), {"state": "COMPLETED"})
    assert answer.status_code == 403
    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("name", BEATS)
def test_the_pages_of_beat_answer(alice: Client, name: str) -> None:
    assert alice.get(reverse(f"admin:django_celery_beat_{name}_changelist")).status_code == 200
    assert alice.get(reverse(f"admin:django_celery_beat_{name}_add")).status_code == 200


def test_the_pages_of_users_answer(alice: Client) -> None:
    assert alice.get(reverse("admin:auth_user_changelist")).status_code == 200
    assert alice.get(reverse("admin:auth_user_add")).status_code == 200
    assert alice.get(reverse("admin:auth_group_add")).status_code == 200


def test_results_of_groups_which_nothing_here_makes_have_no_page() -> None:
    assert "groupresult" not in {model._meta.model_name for model in admin.site._registry}


@pytest.mark.usefixtures("lived_in")
def test_a_tasks_result_shows_the_attempts_of_its_chunk(charlie: Client) -> None:
    result = TaskResult.objects.get()
    page = charlie.get(address(TaskResult, "change", result.pk))
    assert [attempt.occurrence.rule.name for attempt in page.context["attempts"]] == ["Doomed"]
    listed = charlie.get(address(Attempt, "changelist"), {"q": result.task_id})
    assert listed.context["cl"].result_count == 1


@pytest.mark.usefixtures("lived_in")
def test_the_log_is_found_by_its_occurrence_and_filtered_by_reason(
    charlie: Client, dead_letter: Occurrence
) -> None:
    found = charlie.get(address(Transition, "changelist"), {"q": dead_letter.pk}).context["cl"]
    assert found.result_count == 4
    found = charlie.get(address(Transition, "changelist"), {"reason": "rejected"}).context["cl"]
    assert [row.occurrence_id for row in found.result_list] == [dead_letter.pk]


def test_what_many_did_together_is_one_line_of_the_log_and_found_from_each(
    charlie: Client, world: World
) -> None:
    *_, row = world.due(1_200)
    world.sweep()
    page = charlie.get(address(Transition, "changelist"), {"q": row.pk})
    assert page.context["cl"].result_count == 4
    assert "1,200 together" in page.text
    one = Transition.objects.get(reason="planned")
    assert str(row.pk) in charlie.get(address(Transition, "change", one.pk)).text
    assert charlie.get(address(Transition, "changelist"), {"q": row.pk + 1}).context["cl"].result_count == 0


def test_attempts_that_ended_together_are_one_line_and_found_from_each(charlie: Client, world: World) -> None:
    *_, row = world.due(1_000, handler="transactional")
    world.run(world.claim_together())
    page = charlie.get(address(Attempt, "changelist"), {"q": row.pk})
    assert page.context["cl"].result_count == 1
    assert "1,000 together" in page.text
    one = Attempt.objects.get()
    assert str(row.pk) in charlie.get(address(Attempt, "change", one.pk)).text
    assert charlie.get(address(Attempt, "changelist"), {"q": row.pk + 1}).context["cl"].result_count == 0
    result = TaskResult.objects.create(task_id=one.task_id, status="SUCCESS", task_name="punctual.execute")
    listed = charlie.get(address(TaskResult, "change", result.pk)).context["attempts"]
    assert len(listed) == 100
    assert {each.outcome for each in listed} == {"completed"}


def test_the_log_tells_of_occurrences_that_are_gone(charlie: Client, world: World) -> None:
    (row,) = world.due(1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_occurrence WHERE id = %s", [row.pk])
    assert f"{row.pk}, deleted" in charlie.get(address(Transition, "changelist")).text


@pytest.mark.usefixtures("lived_in")
@pytest.mark.parametrize(("outcome", "count"), [("rejected", 1), ("running", 0), ("completed", 0)])
def test_attempts_are_filtered_by_outcome(charlie: Client, outcome: str, count: int) -> None:
    assert (
        charlie.get(address(Attempt, "changelist"), {"outcome": outcome}).context["cl"].result_count == count
    )


@pytest.mark.usefixtures("lived_in")
@pytest.mark.parametrize(("status", "count"), [("SUCCESS", 1), ("FAILURE", 0)])
def test_results_are_filtered_by_status_and_searched_by_task(
    charlie: Client, status: str, count: int
) -> None:
    asked = {"status": status, "q": TaskResult.objects.get().task_id}
    assert charlie.get(address(TaskResult, "changelist"), asked).context["cl"].result_count == count


def names_of(rows: list[Occurrence]) -> list[str]:
    return [row.rule.name for row in rows]
