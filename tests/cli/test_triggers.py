"""trigger: given, moved, withdrawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from events.lifecycle import State
from events.models import Occurrence

if TYPE_CHECKING:
    from tests.cli.running import Cli

EVE = "2090-12-24T18:00"
GIVEN = ("trigger", "log", "42", "--at")


def test_a_trigger_is_said_back_written_moved_and_withdrawn(alice: Cli) -> None:
    done = alice(*GIVEN, EVE, "--payload", '{"text": "It begins"}', "--yes")
    assert done.code == 0, done.err
    assert done.err == "log for 42: Sun 24 Dec 2090 18:00 Europe/Berlin (17:00 UTC).\n"
    assert done.out == "log for 42: created, for Sun 24 Dec 2090 18:00 Europe/Berlin (17:00 UTC).\n"
    row = Occurrence.objects.get()
    assert row.due_at.isoformat() == "2090-12-24T17:00:00+00:00"
    assert row.payload is not None
    assert row.payload["text"] == "It begins"

    moved = alice(*GIVEN, "2090-12-25T18:00", "--payload", '{"text": "It begins"}', "--yes", "--json")
    assert moved.json["result"] == "moved"
    assert moved.json["trigger"]["occurrence"] == row.pk
    assert Occurrence.objects.get(state=State.SCHEDULED).due_at.isoformat() == "2090-12-25T17:00:00+00:00"

    gone = alice("trigger", "log", "42", "--withdraw")
    assert (gone.code, gone.out) == (0, "log for 42: withdrawn.\n")
    assert not Occurrence.objects.filter(state=State.SCHEDULED).exists()
    assert alice("trigger", "log", "42", "--withdraw").out == "log for 42: unchanged.\n"


def test_a_payload_may_come_from_a_file_or_standard_input(alice: Cli) -> None:
    payload = {"text": "Füße"}
    (alice.home / "payload.json").write_text(json.dumps(payload))
    assert alice(*GIVEN, EVE, "--payload", "@payload.json", "--yes").code == 0
    again = alice(
        *GIVEN, EVE, "--payload", "@-", "--yes", "--json", stdin=json.dumps(payload, ensure_ascii=False)
    )
    assert again.json["result"] == "unchanged"
    assert "Füße" in str(Occurrence.objects.get().payload)


def test_without_a_word_of_assent_nothing_is_written(alice: Cli) -> None:
    assert alice(*GIVEN, "tomorrow at 9am").code == 2
    with alice.in_terminal(*GIVEN, "tomorrow at 9am") as terminal:
        terminal.expect("log for 42: ")
        terminal.expect("Right? [Y/n] ")
        terminal.type("n")
        assert terminal.end() == 1
    assert not Occurrence.objects.exists()


def test_a_function_that_nobody_answers_for_is_refused_by_field(alice: Cli) -> None:
    done = alice("trigger", "lug", "42", "--at", EVE, "--yes")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith("function: ")
    assert "log" in done.err
