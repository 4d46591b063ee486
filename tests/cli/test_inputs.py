"""What is read from arguments, environment and files, without any server."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from punctual_cli import zones
from punctual_cli.errors import CliError, WrongUsage
from punctual_cli.inputs import read_entity, read_json, read_length, read_object
from punctual_cli.patience import Patience, patience_seconds, seconds_asked
from punctual_cli.people_files import UnreadablePeople, read_people
from punctual_cli.plain import plain
from punctual_cli.profiles import (
    OpenToOthers,
    Profile,
    UnreadableConfiguration,
    configuration_path,
    read_profiles,
    with_environment,
    write_profiles,
)
from punctual_cli.times import moment, moment_and_zone

ALICE = Profile("https://punctual.example.com", "pk_alice", 7, "alice", "Pacific/Apia")
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]))


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("1h", "PT1H"),
        ("90s", "PT90S"),
        ("20m", "PT20M"),
        ("3d", "P3D"),
        ("2w", "P14D"),
        ("1h30m", "PT1H30M"),
        ("1d 12H", "P1DT12H"),
        ("PT5M", "PT5M"),
        ("next 3 days", "next 3 days"),
        ("0h", "0h"),
        ("", ""),
        ("1m1h", "1m1h"),
    ],
)
def test_a_length_of_time_becomes_iso_and_what_is_none_is_left_to_the_server(
    written: str, length: str
) -> None:
    assert read_length(written) == length


@pytest.mark.parametrize(
    ("written", "entity"),
    [("alice", ("person", "alice")), ("room/7", ("room", "7")), ("room/7/b", ("room", "7/b"))],
)
def test_whom_something_is_for(written: str, entity: tuple[str, str]) -> None:
    assert tuple(read_entity(written).values()) == entity


@pytest.mark.parametrize("written", ["", "/", "room/", "/7"])
def test_nobody_is_refused(written: str) -> None:
    with pytest.raises(WrongUsage, match="names nobody"):
        read_entity(written)


def test_json_comes_from_the_argument_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"text": "Füße"}')
    assert read_json("[1]", "--payload") == [1]
    assert read_object(f"@{file}", "--payload") == {"text": "Füße"}


@pytest.mark.parametrize("text", ["{", "hello", "[1]", "@/nowhere", "@."])
def test_what_is_no_object_is_refused_with_the_option_and_the_next_step(text: str) -> None:
    with pytest.raises(WrongUsage, match=r"^--payload: .*\.$"):
        read_object(text, "--payload")


def test_a_payload_file_is_bounded_and_utf_8(tmp_path: Path) -> None:
    big, latin = tmp_path / "big", tmp_path / "latin"
    big.write_bytes(b" " * (1 << 20) + b"{}")
    latin.write_bytes('"é"'.encode("latin-1"))
    with pytest.raises(WrongUsage, match="more than 1 MiB"):
        read_json(f"@{big}", "--payload")
    with pytest.raises(WrongUsage, match="not UTF-8"):
        read_json(f"@{latin}", "--payload")


@given(
    st.dictionaries(TEXTS.filter(bool), st.builds(Profile, TEXTS, TEXTS, st.integers(0, 2**40), TEXTS, TEXTS))
)
def test_profiles_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, profiles: dict[str, Profile]
) -> None:
    path = tmp_path_factory.getbasetemp() / "profiles" / "config.toml"
    write_profiles(path, profiles)
    assert read_profiles(path) == profiles
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_without_a_file_there_are_no_profiles(tmp_path: Path) -> None:
    assert read_profiles(tmp_path / "config.toml") == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620, 0o601])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "config.toml"
    write_profiles(path, {"default": ALICE})
    path.chmod(mode)
    with pytest.raises(OpenToOthers, match=f"chmod 600 {path}") as refused:
        read_profiles(path)
    assert "pk_alice" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"profiles = 3", b"[profiles]\ndefault = 3", b"[profiles.default]\nurl = 3", b"[profiles.default]\ncolour = 'red'",
     b"profiles", b"\xff"],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(UnreadableConfiguration, match=str(path)):
        read_profiles(path)


def test_the_file_is_where_xdg_says() -> None:
    home = Path.home() / ".config" / "punctual" / "config.toml"
    assert configuration_path({"XDG_CONFIG_HOME": "/etc/alice"}) == Path("/etc/alice/punctual/config.toml")
    assert configuration_path({}) == configuration_path({"XDG_CONFIG_HOME": "relative"}) == home


def test_the_environment_goes_before_the_file() -> None:
    assert with_environment(ALICE, {"PUNCTUAL_KEY": "pk_other"}).key == "pk_other"
    for same in (f"{ALICE.url}/", f"{ALICE.url}/api/v1/"):
        assert with_environment(ALICE, {"PUNCTUAL_URL": same}) == ALICE


def test_a_key_is_not_sent_to_another_server_than_its_own() -> None:
    elsewhere = with_environment(ALICE, {"PUNCTUAL_URL": "https://mallory.example.com"})
    assert (elsewhere.url, elsewhere.key) == ("https://mallory.example.com", "")


@pytest.mark.parametrize(
    ("tz", "link", "zone"),
    [
        ("Asia/Kathmandu", "", "Asia/Kathmandu"),
        (":Asia/Kathmandu", "", "Asia/Kathmandu"),
        ("/usr/share/zoneinfo/Asia/Kathmandu", "", "Asia/Kathmandu"),
        ("", "/usr/share/zoneinfo/America/New_York", "America/New_York"),
        ("", "/usr/share/zoneinfo/posix/America/New_York", "America/New_York"),
    ],
)
def test_the_machines_zone_is_found(tmp_path: Path, tz: str, link: str, zone: str) -> None:
    localtime = tmp_path / "localtime"
    if link:
        localtime.symlink_to(link)
    found = zones.machines_zone({"TZ": tz}, localtime)
    assert (found.zone.key, found.remark) == (zone, "")


@pytest.mark.parametrize("tz", ["", "CET-1CEST,M3.5.0", "Nowhere/At_All", "/etc/passwd"])
def test_where_no_zone_is_found_it_is_utc_and_that_is_said(tmp_path: Path, tz: str) -> None:
    localtime = tmp_path / "localtime"
    localtime.touch()
    found = zones.machines_zone({"TZ": tz}, localtime)
    assert found.zone.key == "UTC"
    assert "Times are in UTC" in found.remark
    assert tz in found.remark


def test_a_moment_names_zone_and_instant_and_the_utc_day_where_it_is_another() -> None:
    morning = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert (
        moment_and_zone(morning, ZoneInfo("Europe/Berlin"))
        == "Mon 23 Nov 2026 09:00 Europe/Berlin (08:00 UTC)"
    )
    assert moment_and_zone(morning, ZoneInfo("UTC")) == "Mon 23 Nov 2026 08:00 UTC"
    kiritimati = datetime(2026, 11, 22, 22, 30, 5, tzinfo=UTC)
    said = "Mon 23 Nov 2026 12:30:05 Pacific/Kiritimati (Sun 22 Nov 22:30:05 UTC)"
    assert moment_and_zone(kiritimati, ZoneInfo("Pacific/Kiritimati")) == said
    assert moment(kiritimati, ZoneInfo("Asia/Kathmandu")) == "Mon 23 Nov 2026 04:15:05"


@given(TEXTS)
def test_nothing_of_others_steers_the_terminal(text: str) -> None:
    assert plain(text).isprintable()


def test_printable_text_stays_as_it_is() -> None:
    assert plain("Füße 🎂") == "Füße 🎂"
    assert plain("\x1b[2Jaway\n") == "\\x1b[2Jaway "


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:09 GMT", "date": "Sun, 22 Nov 2026 09:00:00 GMT"}, 9),
        ({"retry-after": "Sun, 22 Nov 2026 08:00:00 GMT", "date": "Sun, 22 Nov 2026 09:00:00 GMT"}, 0),
        ({"retry-after": "Sun, 22 Nov 2026 08:00:00 GMT"}, 0),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert seconds_asked(headers) == seconds


def test_patience_ends_and_never_waits_less_than_asked() -> None:
    told: list[str] = []
    patience = Patience(0.6, told.append)
    assert not patience.wait("busy", at_least=1)
    assert patience.wait("busy")
    assert not patience.wait("busy")
    assert len(told) == 1
    assert told[0].startswith("busy; trying again in 0.")


@pytest.mark.parametrize("given_text", ["-1", "soon", "1.5", "123456"])
def test_a_patience_that_is_none_is_refused(given_text: str) -> None:
    with pytest.raises(WrongUsage, match="PUNCTUAL_PATIENCE"):
        patience_seconds({"PUNCTUAL_PATIENCE": given_text})


def people_in(path: Path, content: bytes) -> tuple[str, list[tuple[int, str, Any]]]:
    path.write_bytes(content)
    read: list[int] = []
    people = read_people(path, kind="person", tell=read.append)
    lines = [(line.number, line.text, line.entity or line.problem) for line in people.lines]
    assert sum(read) == len(content)
    return people.head, lines


def test_people_of_a_csv_file_have_attributes_of_what_is_left(tmp_path: Path) -> None:
    content = (
        'external_id,timezone,name,birthday,team\nalice,Asia/Tokyo,"Alice\nA.",1992-02-29,\n\nbob,UTC,,,x,y\n'
    )
    head, lines = people_in(tmp_path / "people.csv", b"\xef\xbb\xbf" + content.encode())
    alice = {
        "kind": "person",
        "external_id": "alice",
        "timezone": "Asia/Tokyo",
        "name": "Alice\nA.",
        "attributes": {"birthday": "1992-02-29"},
    }
    assert head == "external_id,timezone,name,birthday,team\n"
    assert lines == [
        (2, 'alice,Asia/Tokyo,"Alice\nA.",1992-02-29,\n', alice),
        (5, "bob,UTC,,,x,y\n", "it has 6 cells, and the first line 5"),
    ]


def test_people_of_an_ndjson_file_are_as_they_stand(tmp_path: Path) -> None:
    room = {"kind": "room", "external_id": "7", "timezone": "UTC"}
    head, lines = people_in(tmp_path / "people.ndjson", f"{json.dumps(room)}\n\n{{\n[]".encode())
    assert head == ""
    assert [(number, told[:13] if isinstance(told, str) else told) for number, _, told in lines] == [
        (1, room),
        (3, "it is not JSO"),
        (4, "it is no JSON"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("people.txt", b"", "its name does not say what it is"),
        ("people.csv", b"", "has no external_id"),
        ("people.csv", b"external_id,name\nalice,Alice\n", "has no timezone"),
        ("people.csv", b"external_id,timezone,external_id\n", "a column twice"),
        (
            "people.csv",
            b"external_id,timezone\nalice,UTC\n\xffbob,UTC\n",
            "line 3, cannot be read: it is not UTF-8",
        ),
        ("people.csv", b'external_id,timezone\n"alice,UTC\n', "line 2, cannot be read"),
        ("people.ndjson", b" " * (1 << 20) + b"{}", "it has more than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    with pytest.raises(UnreadablePeople, match=problem):
        people_in(tmp_path / name, content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePeople, match="no such file or directory"):
        list(read_people(tmp_path / "people.ndjson", kind="person", tell=lambda _: None).lines)


def test_an_unwritable_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "punctual").touch()
    with pytest.raises(CliError, match="could not be written"):
        write_profiles(tmp_path / "punctual" / "config.toml", {"default": ALICE})
    assert os.listdir(tmp_path) == ["punctual"]
