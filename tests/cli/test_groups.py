"""group and groups: messages that are collected, looked at, dispatched and given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
from punctual_cli.profiles import read_profiles

from events.models import Group, GroupItem

if TYPE_CHECKING:
    from tests.cli.running import Cli

EVE = "2090-12-24T18:00"


@pytest.fixture(autouse=True)
def upload(alice: Cli) -> None:
    """A type of groups."""
    kept = read_profiles(alice.configuration)["default"]
    made = httpx2.put(
        f"{kept.url}/api/v1/group-types/UPLOAD",
        json={"handler": "log"},
        headers={"Authorization": f"Bearer {kept.key}"},
        trust_env=False,
    )
    assert made.status_code == 201, made.text


def test_messages_of_one_key_are_collected_in_order(alice: Cli) -> None:
    first = alice("group", "UPLOAD", "7", "--at", EVE, "--message", '"one"', "--data", '{"id": 1}', "--yes")
    assert first.code == 0, first.err
    assert first.err == "UPLOAD 7: Sun 24 Dec 2090 18:00 Europe/Berlin (17:00 UTC).\n"
    number = Group.objects.get().pk
    assert first.out == (
        f"Message 1 of group {number} is taken; "
        "the group is dispatched Sun 24 Dec 2090 18:00 Europe/Berlin (17:00 UTC).\n"
    )
    second = alice(
        "group", "UPLOAD", "7", "--at", EVE, "--message", '"two"', "--message", "[3]", "--yes", "--json"
    )
    assert (second.json["group"], second.json["position"]) == (number, 2)
    taken = GroupItem.objects.order_by("position").values_list("content", flat=True)
    assert [each["message"] for each in taken] == [["one"], ["two", [3]]]

    listed = alice("groups", "list")
    assert "when (Europe/Berlin)" in listed.out.splitlines()[0]
    assert listed.out.splitlines()[1].split()[:5] == [str(number), "UPLOAD", "7", "open", "2"]
    shown = alice("groups", "show", str(number)).out
    assert 'message 1, data [{"id": 1}], message ["one"]' in shown
    assert 'message 2, message ["two", [3]]' in shown
    assert len(alice("groups", "show", str(number), "--json").json["messages"]) == 2


def test_a_message_with_a_key_is_taken_once(alice: Cli) -> None:
    given = ("group", "UPLOAD", "7", "--at", EVE, "--message", "1", "--item-key", "a", "--yes")
    assert "is taken;" in alice(*given).out
    assert "was taken before;" in alice(*given).out
    assert GroupItem.objects.count() == 1


def test_a_moment_may_be_a_phrase_and_is_asked_about(alice: Cli) -> None:
    given = ("group", "UPLOAD", "7", "--at", "tomorrow at 9am", "--message", "1")
    refused = alice(*given)
    assert (refused.code, refused.out) == (2, "")
    assert not Group.objects.exists()
    assert alice(*given, "--yes").code == 0
    assert Group.objects.get().occurrence.due_at.minute == 0


@pytest.mark.parametrize("phrase", ["every day at 9am", "within 3 days"])
def test_what_is_not_one_moment_is_refused(alice: Cli, phrase: str) -> None:
    done = alice("group", "UPLOAD", "7", "--at", phrase, "--message", "1", "--yes")
    assert (done.code, done.out) == (2, "")
    assert "is not one moment" in done.err
    assert not Group.objects.exists()


def test_a_group_is_flushed_or_given_up(alice: Cli) -> None:
    for key in ("7", "8"):
        alice("group", "UPLOAD", key, "--at", EVE, "--message", "1", "--yes")
    seven, eight = Group.objects.order_by("pk").values_list("pk", flat=True)
    assert alice("groups", "flush", str(seven), "--json").json["state"] == "due"
    assert alice("groups", "cancel", str(eight)).code == 2
    assert alice("groups", "cancel", str(eight), "--yes").out == f"Group {eight} is cancelled.\n"
    assert [each["id"] for each in alice("groups", "list", "--json", "--state", "cancelled").lines] == [eight]
    again = alice("groups", "cancel", str(eight), "--yes")
    assert (again.code, again.out) == (5, "")


def test_an_unknown_type_is_refused_in_a_sentence(alice: Cli) -> None:
    done = alice("group", "UPLAOD", "7", "--at", EVE, "--message", "1", "--yes")
    assert (done.code, done.out) == (1, "")
    assert "UPLAOD" in done.err
    assert done.err.splitlines()[-1].startswith("type: ")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2090-03-26T02:30", "Sun 26 Mar 2090 03:30 Europe/Berlin (01:30 UTC)"),
        ("2090-10-29T02:30", "Sun 29 Oct 2090 02:30 Europe/Berlin (00:30 UTC)"),
        ("2090-10-29T02:30+01:00", "Sun 29 Oct 2090 02:30 Europe/Berlin (01:30 UTC)"),
        ("20901224T230000Z", "Mon 25 Dec 2090 00:00 Europe/Berlin (Sun 24 Dec 23:00 UTC)"),
    ],
)
def test_a_moment_in_a_gap_a_fold_or_with_an_offset_is_said_as_it_will_be(
    alice: Cli, at: str, said: str
) -> None:
    done = alice("group", "UPLOAD", "7", "--at", at, "--message", "1", "--yes")
    assert (done.code, done.err) == (0, f"UPLOAD 7: {said}.\n")
