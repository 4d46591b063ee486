"""remind, list, next, past, snooze, cancel, done: what is said back, asked, written and shown."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from punctual_cli.times import moment_and_zone, read_instant

from events import clock
from events.lifecycle import State
from events.models import KeptAnswer, Occurrence, Rule

if TYPE_CHECKING:
    from punctual_cli.server import Server

    from tests.cli.running import Cli

BERLIN_EVE = "Sun 24 Dec 2090 18:00 Europe/Berlin (17:00 UTC)"


def reminders() -> int:
    return Rule.objects.filter(role="reminder").exclude(state="retired").count()


def remind(api: Server, text: str = "Call mom", **when: str) -> int:
    """A reminder that is there already; its number."""
    made = api.post(
        "/reminders", {"text": text, "timezone": "Europe/Berlin", **(when or {"at": "2090-12-24T18:00"})}
    )
    return int(made.told["id"])


def test_a_moment_is_said_back_with_zone_and_instant_before_it_is_written(alice: Cli) -> None:
    done = alice("remind", "Call mom", "--at", "2090-12-24T18:00", "--yes")
    assert done.code == 0
    assert done.err == f"Call mom: {BERLIN_EVE}.\n"
    assert done.out == f"Reminder {Rule.objects.get().pk}: {BERLIN_EVE}.\n"
    rule = Rule.objects.get()
    assert (str(rule.start_date), str(rule.local_time), rule.timezone) == (
        "2090-12-24",
        "18:00:00",
        "Europe/Berlin",
    )


def test_what_was_said_yes_to_is_written_though_the_phrase_means_another_moment_by_then(alice: Cli) -> None:
    with alice.in_terminal("remind", "Call mom", "--at", "in 20 minutes") as terminal:
        terminal.expect("Right? [Y/n] ")
        time.sleep(2)
        terminal.type("y")
        assert terminal.end() == 0
    asked, _, rest = terminal.seen.partition(". Right? [Y/n] ")
    assert asked.removeprefix("Call mom: ") in rest


def test_without_a_terminal_and_without_yes_nothing_is_written_and_that_is_said(alice: Cli) -> None:
    done = alice("remind", "Call mom", "--at", "tomorrow at 9am")
    assert (done.code, done.out) == (2, "")
    assert "There is no terminal to ask in" in done.err
    assert "Say --yes if it is." in done.err
    assert reminders() == 0


@pytest.mark.parametrize(("answer", "code"), [("", 0), ("y", 0), ("YES", 0), ("n", 1), ("what?", 1)])
def test_in_a_terminal_it_asks_and_the_answer_counts(alice: Cli, answer: str, code: int) -> None:
    with alice.in_terminal("remind", "Call mom", "--at", "tomorrow at 9am") as terminal:
        terminal.expect("Right? [Y/n] ")
        assert reminders() == 0
        terminal.type(answer)
        assert terminal.end() == code
    assert reminders() == (code == 0)
    assert ("Nothing was changed." in terminal.seen) == (code == 1)
    assert (
        "09:00 Europe/Berlin (08:00 UTC). Right?" in terminal.seen or "(07:00 UTC). Right?" in terminal.seen
    )


def test_ctrl_c_at_the_question_writes_nothing_and_ends_with_130(alice: Cli) -> None:
    with alice.in_terminal("remind", "Call mom", "--at", "tomorrow at 9am") as terminal:
        terminal.expect("Right? [Y/n] ")
        terminal.interrupt()
        assert terminal.end() == 130
    assert "Interrupted." in terminal.seen
    assert reminders() == 0


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (("--at", "in 20 minutes"), "Europe/Berlin"),
        (("--every", "weekday 9am"), "every weekday at 09:00 in Europe/Berlin"),
        (("--every", "every monday at 18:00"), "every Monday at 18:00 in Europe/Berlin"),
        (("--cron", "0 9 * * 1-5"), "09:00"),
        (("--rrule", "FREQ=YEARLY", "--from", "2090-12-24T18:00"), "18:00"),
    ],
)
def test_when_can_be_said_in_several_ways(alice: Cli, when: tuple[str, ...], said: str) -> None:
    done = alice("remind", "Call mom", *when, "--yes")
    assert done.code == 0, done.err
    assert said in done.err
    assert reminders() == 1


def test_a_random_moment_is_hidden_wherever_it_is_shown(alice: Cli) -> None:
    done = alice("remind", "Think of her", "--within", "12h", "--yes")
    assert done.code == 0, done.err
    assert "some time until " in done.err
    assert "some time until " in done.out
    row = Occurrence.objects.get()
    shown = [alice(*command, *form).out for command in (("list",), ("next",)) for form in ((), ("--json",))]
    for text in [done.out, done.err, *shown]:
        assert text
        assert row.due_at.strftime("%H:%M:%S") not in text
    assert all("some time until " in text for text in shown[::2])
    assert all('"hidden": true' in text for text in shown[1::2])


def test_the_list_names_the_zone_once_and_each_reminder(alice: Cli, api: Server) -> None:
    first, second = remind(api), remind(api, "Stretch", phrase="every day at 9am")
    done = alice("list")
    assert (done.code, done.err) == (0, "")
    head, *rows = done.out.splitlines()
    assert "(Europe/Berlin)" in head
    assert {int(row.split()[0]) for row in rows} == {first, second}
    assert "Sun 24 Dec 2090 18:00" in done.out
    assert "Stretch" in done.out
    other = alice("list", "--zone", "Asia/Kathmandu").out
    assert "Sun 24 Dec 2090 22:45" in other


def test_programs_get_one_object_a_line_and_nothing_else(alice: Cli, api: Server) -> None:
    numbers = [remind(api, f"{number}", phrase="in 20 hours") for number in range(3)]
    done = alice("list", "--json")
    assert done.err == ""
    assert [each["id"] for each in done.lines] == numbers
    for each in done.lines:
        assert {"id", "text", "sentence", "due_at", "hidden"} <= set(each)
    assert len(alice("list", "--json", "--limit", "2").lines) == 2
    upcoming = alice("next", "--json").lines
    assert len(upcoming) == 3
    assert {"id", "rule", "entity", "state", "due_at", "local", "timezone", "hidden"} <= set(upcoming[0])


def test_without_reminders_it_says_so_and_programs_get_nothing(alice: Cli) -> None:
    assert alice("list").out == "You have no reminders.\n"
    assert alice("list", "--json").out == ""
    assert alice("next").out == "Nothing is ahead.\n"
    assert alice("past").out == "No reminder came yet.\n"


def test_a_snooze_moves_one_time_and_the_series_stays(alice: Cli, api: Server) -> None:
    number = remind(api, "Stretch", phrase="every day at 9am")
    before = list(Occurrence.objects.filter(state=State.SCHEDULED).order_by("due_at"))
    until = (clock.now() + timedelta(days=9)).replace(microsecond=0)
    done = alice("snooze", str(number), "--until", until.isoformat(), "--yes")
    assert done.code == 0, done.err
    said = moment_and_zone(until, ZoneInfo("Europe/Berlin"))
    assert done.err == f"Reminder {number}: {said}.\n"
    assert done.out == f"Reminder {number} comes {said}.\n"
    after = set(Occurrence.objects.filter(state=State.SCHEDULED).values_list("due_at", flat=True))
    assert after == {until, *(row.due_at for row in before[1:])}


def test_a_snooze_for_a_while_needs_no_question(alice: Cli, api: Server) -> None:
    number = remind(api, "Call mom", phrase="in 20 hours")
    due_at = Occurrence.objects.get().due_at
    done = alice("snooze", str(number), "--for", "1h30m", "--json")
    assert done.code == 0, done.err
    assert read_instant(done.json["due_at"]) == due_at + timedelta(minutes=90)


def test_a_cancelled_reminder_does_not_come(alice: Cli, api: Server) -> None:
    number = remind(api, "Call mom", phrase="in 20 hours")
    assert Occurrence.objects.filter(state=State.SCHEDULED).exists()
    assert alice("cancel", str(number), "--json").json == {"id": number, "cancelled": True}
    assert not Occurrence.objects.filter(state=State.SCHEDULED).exists()
    assert alice("list").out == "You have no reminders.\n"


def test_only_the_next_time_can_be_cancelled(alice: Cli, api: Server) -> None:
    number = remind(api, "Stretch", phrase="every day at 9am")
    before = Occurrence.objects.filter(state=State.SCHEDULED).count()
    assert alice("cancel", str(number), "--next").code == 0
    assert Occurrence.objects.filter(state=State.SCHEDULED).count() == before - 1
    assert reminders() == 1


def test_what_is_done_does_not_come_again(alice: Cli, api: Server) -> None:
    number = remind(api, "Stretch", phrase="every day at 9am")
    assert alice("done", str(number)).out == f"Reminder {number} is done.\n"
    assert alice("list").out == "You have no reminders.\n"
    assert reminders() == 0


@pytest.mark.parametrize("command", [("snooze", "--for", "1h"), ("cancel",), ("done",)])
def test_a_reminder_that_is_not_there_is_refused_in_a_sentence(alice: Cli, command: tuple[str, ...]) -> None:
    verb, *options = command
    done = alice(verb, "4711", *options)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("There is no reminder 4711 of yours.")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--at", "next blue moon"), "phrase: "),
        (("--at", "2090-02-30T18:00"), "at: "),
        (("--every", "purple"), "phrase: "),
        (("--cron", "99 * * * *"), "cron: "),
        (("--rrule", "FREQ=SOMETIMES", "--from", "2090-12-24T18:00"), "rrule: "),
        (("--at", "2090-12-24T18:00", "--handler", "lug"), "handler: "),
    ],
)
def test_what_the_server_refuses_is_told_by_field_with_the_next_step(
    alice: Cli, arguments: tuple[str, ...], field: str
) -> None:
    done = alice("remind", "Call mom", *arguments, "--yes")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(field)
    assert done.err.count("\n") == 1
    assert reminders() == 0


def test_each_call_that_writes_has_a_key_of_its_own(alice: Cli) -> None:
    for _ in range(2):
        assert alice("remind", "Call mom", "--at", "2090-12-24T18:00", "--yes").code == 0
    assert KeptAnswer.objects.count() == 4  # each was said back, and written
    assert reminders() == 2


def test_what_others_wrote_does_not_steer_the_terminal(alice: Cli, api: Server) -> None:
    remind(api, "\x1b[2J\x1b]0;owned\x07 and [red]bold[/red]")
    done = alice("list")
    assert "\x1b" not in done.out
    assert "\\x1b[2J" in done.out
    assert "[red]bold[/red]" in done.out
