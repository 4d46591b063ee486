"""`preview`: the contract of its lines on the nights that matter, bad lines, conversations in pipes, and flags."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from events.management import preview_lines
from events.management.preview_lines import LONGEST_LINE, MOST_TICKS, Patience, TookTooLong, answer, converse
from events.timing import Policies, Recurrence, firings, zone
from tests.commands.conftest import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
# It is there, and nobody answers.
NO_DATABASE = {
    "DATABASE_URL": "postgresql://alice@127.0.0.1:1/none",
    "CELERY_BROKER_URL": "amqp://guest@127.0.0.1:1//",
    "SECRET_KEY": "x" * 50,
}

TWICE = Recurrence(NOW.replace(tzinfo=None), rdates=(NOW,))
FIRINGS: Any = firings(TWICE, zone("UTC"), Policies(), after=NOW, before=NOW)
CALENDAR_AT_WORK = FIRINGS.gi_frame


def answered(line: bytes | dict[str, Any]) -> dict[str, Any]:
    sent = line if isinstance(line, bytes) else json.dumps(line).encode()
    written = answer(sent, now=NOW, patience=Patience())
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    got: dict[str, Any] = json.loads(written)
    return got


def test_the_contract() -> None:
    asked = {
        "id": "r1", "dtstart": "2025-03-08T02:30:00", "timezone": "America/New_York", "rrule": "FREQ=DAILY",
        "rdate": ["2025-03-09T12:00:00.5"], "exdate": ["2025-03-10"], "gap": "shift", "fold": "first", "leap": "omit",
        "after": "2025-03-09T00:00:00Z", "before": "2025-03-12T00:00:00Z", "limit": 5,
    }  # fmt: skip
    assert answer(json.dumps(asked).encode(), now=NOW, patience=Patience()).decode() == (
        '{"id":"r1","occurrences":['
        '{"slot":"2025-03-09T02:30:00","due_at":"2025-03-09T07:30:00Z","local":"2025-03-09T03:30:00-04:00",'
        '"note":"gap: 02:30 does not exist, shifted to 03:30"},'
        '{"slot":"2025-03-09T12:00:00.500000","due_at":"2025-03-09T16:00:00.500000Z",'
        '"local":"2025-03-09T12:00:00.500000-04:00","note":null},'
        '{"slot":"2025-03-11T02:30:00","due_at":"2025-03-11T06:30:00Z","local":"2025-03-11T02:30:00-04:00",'
        '"note":null}]}\n'
    )


NIGHTS = [
    # zone, slot, policy -> due_at (UTC), local
    ("America/New_York", "2025-03-09T02:30", {"gap": "shift"}, ["2025-03-09T07:30:00Z 2025-03-09T03:30:00-04:00"]),
    ("America/New_York", "2025-03-09T02:30", {"gap": "next_valid"}, ["2025-03-09T07:00:00Z 2025-03-09T03:00:00-04:00"]),
    ("America/New_York", "2025-03-09T02:30", {"gap": "previous_valid"}, [
        "2025-03-09T06:59:59Z 2025-03-09T01:59:59-05:00"]),
    ("America/New_York", "2025-03-09T02:30", {"gap": "skip"}, []),
    ("America/New_York", "2025-11-02T01:30", {}, ["2025-11-02T05:30:00Z 2025-11-02T01:30:00-04:00"]),
    ("America/New_York", "2025-11-02T01:30", {"fold": "second"}, ["2025-11-02T06:30:00Z 2025-11-02T01:30:00-05:00"]),
    ("America/New_York", "2025-11-02T01:30", {"fold": "both"}, [
        "2025-11-02T05:30:00Z 2025-11-02T01:30:00-04:00", "2025-11-02T06:30:00Z 2025-11-02T01:30:00-05:00"]),
    ("Australia/Lord_Howe", "2025-10-05T02:15", {}, ["2025-10-04T15:45:00Z 2025-10-05T02:45:00+11:00"]),
    ("America/Santiago", "2025-09-07T00:00", {}, ["2025-09-07T04:00:00Z 2025-09-07T01:00:00-03:00"]),
    ("Pacific/Apia", "2011-12-30T09:00", {}, ["2011-12-30T19:00:00Z 2011-12-31T09:00:00+14:00"]),
    ("Pacific/Apia", "2011-12-30T09:00", {"gap": "skip"}, []),
    ("Africa/Casablanca", "2025-04-06T02:30", {}, ["2025-04-06T02:30:00Z 2025-04-06T03:30:00+01:00"]),
    ("Europe/Dublin", "2025-10-26T01:30", {"fold": "second"}, ["2025-10-26T01:30:00Z 2025-10-26T01:30:00+00:00"]),
    ("Asia/Kathmandu", "2025-01-01T00:00", {}, ["2024-12-31T18:15:00Z 2025-01-01T00:00:00+05:45"]),
    ("US/Eastern", "2025-01-01T00:00", {}, ["2025-01-01T05:00:00Z 2025-01-01T00:00:00-05:00"]),
    ("America/New_York", "1880-01-01T00:00", {}, ["1880-01-01T04:56:02Z 1880-01-01T00:00:00-04:56:02"]),
    ("Europe/London", "0900-01-01T00:00", {}, ["0900-01-01T00:01:15Z 0900-01-01T00:00:00-00:01:15"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "slot", "policy", "expected"), NIGHTS)
def test_the_nights(zone: str, slot: str, policy: dict[str, str], expected: list[str]) -> None:
    asked = {"id": 7, "dtstart": slot, "timezone": zone, "after": "0800-01-01", **policy}
    got = answered(asked)
    if not expected:
        assert got == {"id": 7, "occurrences": []}
        return
    assert [f"{one['due_at']} {one['local']}" for one in got["occurrences"]] == expected
    assert {one["slot"] for one in got["occurrences"]} == {f"{slot}:00"}
    touched = f" {slot}:00" not in expected[0] or "11-02" in slot or "10-26" in slot
    assert all(bool(one["note"]) is touched for one in got["occurrences"])


def test_29_february_and_the_31st_do_not_drift() -> None:
    born = {"dtstart": "1992-02-29T09:00", "timezone": "Europe/Berlin", "rrule": "FREQ=YEARLY"}
    got = answered({**born, "leap": "backward", "after": "2025-01-01", "limit": 4})["occurrences"]
    assert [one["slot"][:10] for one in got] == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    assert [one["note"] for one in got[2:]] == ["leap: 29 February observed on 28 February", None]
    late = {
        "dtstart": "2024-01-31",
        "timezone": "UTC",
        "rrule": "FREQ=MONTHLY;SKIP=BACKWARD",
        "after": "2025-02-01",
    }
    slots = [one["slot"][5:10] for one in answered({**late, "limit": 3})["occurrences"]]
    assert slots == ["02-28", "03-31", "04-30"]


GOOD = {"id": "good", "once": "2027-01-01T00:00:00Z"}
DEEP = b"[" * 100_000
BAD = [
    b"", b" ", b"nonsense", b"{", b'{"id": 1} trailing', b"[]", b"null", b"1", b'"text"', b"NaN", b'{"id": NaN}',
    b'{"limit": Infinity}', b'{"limit": 1' + b"0" * 400 + b"}",
    b"\x00", b'{"id": "a\x00b"}', b"\xff\xfe{\x00}\x00", b'{"id": "\xed\xa0\x80"}',
    b'{"id": "\\ud800"}', DEEP, b'{"id": ' + DEEP + b"]" * 100_000 + b"}", b'{"a":' * 5_000, b'{"id": 1' * 9,
    b'{"rrule": "' + b"FREQ=DAILY;BYMONTH=" + b"1," * 500_000 + b'"', b"x" * (LONGEST_LINE + 1),
]  # fmt: skip


@pytest.mark.parametrize("line", BAD, ids=lambda line: repr(line[:20]))
def test_a_line_that_cannot_be_read_is_answered_without_an_id(line: bytes) -> None:
    got = answered(line)
    assert got["id"] is None
    assert "Write one JSON object on a line, such as {" in got["error"]
    assert len(got["error"]) < 300


ODD = [
    {"limit": 10**18}, {"limit": -1}, {"limit": 1e300}, {"dtstart": 5}, {"dtstart": {}},
    {"dtstart": "2025-01-01\0"}, {"timezone": ["UTC"]}, {"timezone": "../../etc/passwd"}, {"timezone": "Z" * 500_000},
    {"rrule": "FREQ=DAILY;BYMONTH=" + "1," * 500_000}, {"rrule": [["FREQ=DAILY"]]}, {"rrule": "FREQ=DAILY\0"},
    {"rrule": "FREQ=DAILY;COUNT=" + "9" * 1000}, {"rrule": "FREQ=DAILY;INTERVAL=" + "9" * 18, "gap": "x"},
    {"rrule": "\n" * 100_000}, {"rrule": ["FREQ=DAILY"] * 100_000}, {"rdate": ["2030-01-01"] * 100_000},
    {"rdate": [None]}, {"exdate": {"a": 1}}, {"ics": "\n " * 490_000}, {"ics": "BEGIN:VEVENT\n" * 40_000},
    {"cron": "1," * 500_000}, {"every": "P" + "1" * 500_000}, {"once": "9" * 500_000}, {"after": "9" * 500_000},
    {"after": "0001-01-01T00:00+23:59"}, {"gap": "SHIFT"}, {"x" * 500_000: 1}, {"\x00": 1}, {"": 1},
    {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, {"rrule": "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"},
    {"rrule": "FREQ=MINUTELY;BYHOUR=9;COUNT=5000000"},
]  # fmt: skip


@pytest.mark.parametrize("fields", ODD, ids=lambda fields: repr(fields)[:40])
def test_an_odd_line_is_refused_in_a_short_sentence_under_its_id(fields: dict[str, Any]) -> None:
    usual = {} if {"once", "ics", "cron", "every"} & fields.keys() else {"rrule": "FREQ=DAILY"}
    dtstart = {} if {"once", "ics"} & fields.keys() else {"dtstart": "2025-01-01"}
    got = answered({"id": "odd", **usual, **dtstart, "timezone": "UTC", **fields})
    assert set(got) == {"id", "error"}
    assert got["id"] == "odd"
    assert len(got["error"]) < 400


@pytest.mark.parametrize("name", [{}, [1], [[[]]] * 300, {"a": "b"}])
def test_an_id_that_is_no_plain_value_is_not_given_back(name: object) -> None:
    assert answered({**GOOD, "id": name}).keys() == {"id", "error"}
    assert answered({**GOOD, "id": name})["id"] is None


@pytest.mark.parametrize(
    "name", ["", "ü\u2028", 'quote"s\\', '+00:00","local":', 0, 2**64 - 1, -(2**63), 1.5, True, None]
)
def test_a_plain_id_comes_back_as_it_was(name: object) -> None:
    got = answered({**GOOD, "id": name})
    assert (got["id"], len(got["occurrences"])) == (name, 1)
    assert got["occurrences"][0]["local"] == "2027-01-01T00:00:00+00:00"


def test_a_fault_of_ours_costs_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(preview_lines, "preview", broken)
    assert answered(GOOD)["error"].startswith("it could not be answered (RuntimeError).")
    assert "a fault" in caplog.text


# --- no line takes long --------------------------------------------------------------------------------------------
MINUTES = ",".join(map(str, range(60)))
ENDLESS = {
    "the last second of hours": f"FREQ=HOURLY;BYMINUTE={MINUTES};BYSECOND={MINUTES};BYSETPOS=-1",
    "one Monday in February, by every second day": "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=28;BYDAY=MO",
}


@pytest.mark.parametrize("rrule", ENDLESS.values(), ids=ENDLESS)
def test_what_takes_too_long_is_given_up_in_a_sentence_and_the_next_line_is_answered(rrule: str) -> None:
    bomb = {"id": "bomb", "dtstart": "1990-01-01", "timezone": "UTC", "rrule": rrule, "limit": 1000}
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in (bomb, GOOD, bomb, GOOD))
    sink = BytesIO()
    converse(BytesIO(lines), sink, clock=lambda: NOW)
    got = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert [one["id"] for one in got] == ["bomb", "good", "bomb", "good"]
    assert got[0]["error"] == got[2]["error"]
    assert got[0]["error"].startswith("its firings take too long to find. Ask for fewer")
    assert len(got[3]["occurrences"]) == 1


def test_patience_ends_with_the_ticks_of_one_line_and_never_between_lines() -> None:
    patience = Patience()
    tick = partial(patience.tick, signal.SIGPROF, CALENDAR_AT_WORK)
    for _ in range(2):
        patience.begin()
        for _ in range(MOST_TICKS - 1):
            tick()
        patience.end()
        tick()
    patience.begin()
    for _ in range(MOST_TICKS - 1):
        tick()
    with pytest.raises(TookTooLong):
        tick()
    tick()


@pytest.mark.parametrize("elsewhere", [sys._getframe(), None])
def test_only_the_calendar_is_interrupted_and_whoever_else_may_hold_a_lock_is_not(elsewhere: Any) -> None:
    patience = Patience()
    patience.begin()
    for _ in range(2 * MOST_TICKS):
        patience.tick(signal.SIGPROF, elsewhere)
    with pytest.raises(TookTooLong):
        patience.tick(signal.SIGPROF, CALENDAR_AT_WORK)


# --- reading and writing -------------------------------------------------------------------------------------------
class Trickle:
    """A source that gives so many bytes at once."""

    def __init__(self, content: bytes, size: int) -> None:
        self._stream, self._size = BytesIO(content), size

    def read1(self, _: int, /) -> bytes:
        return self._stream.read(self._size)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_put_together_however_they_come(size: int, end: bytes) -> None:
    lines = [json.dumps({**GOOD, "id": number}).encode() for number in range(5)]
    sink = BytesIO()
    converse(Trickle(b"\r\n".join(lines) + end, size), sink, clock=lambda: NOW)
    assert [json.loads(line)["id"] for line in sink.getvalue().splitlines()] == [0, 1, 2, 3, 4]


def test_of_a_line_without_end_the_beginning_alone_is_kept() -> None:
    content = b"x" * (3 * LONGEST_LINE) + b"\n" + json.dumps(GOOD).encode()
    kept = [line for lines in preview_lines.batches(Trickle(content, 1 << 18)) for line in lines]
    assert len(kept[0]) <= LONGEST_LINE + 1 + (1 << 18)
    assert answered(kept[0])["error"].startswith("the line has more than 2,000,000 bytes.")
    assert answered(kept[1])["id"] == "good"


def test_every_batch_has_the_clocks_present() -> None:
    instants = iter([datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
    line = (
        json.dumps({"dtstart": "2020-05-01", "timezone": "UTC", "rrule": "FREQ=YEARLY", "limit": 1}).encode()
        + b"\n"
    )
    sink = BytesIO()
    converse(Trickle(line * 2, len(line)), sink, clock=lambda: next(instants))
    years = [json.loads(got)["occurrences"][0]["slot"][:4] for got in sink.getvalue().splitlines()]
    assert years == ["2025", "2026"]


# --- as a process --------------------------------------------------------------------------------------------------
@pytest.fixture
def talk() -> Iterator[subprocess.Popen[bytes]]:
    """The command, waiting for lines, without a database."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "preview", "--stdin"], cwd=ROOT, env={**os.environ, **NO_DATABASE},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        yield process
        process.kill()


def test_another_program_talks_with_it_line_by_line_and_bad_lines_end_nothing(
    talk: subprocess.Popen[bytes],
) -> None:
    assert talk.stdin
    assert talk.stdout
    assert talk.stderr
    for number, bad in enumerate([b"nonsense", b"\x00", DEEP, b"x" * 3_000_000]):
        for line in (bad, json.dumps({**GOOD, "id": number}).encode()):
            talk.stdin.write(line + b"\n")
            talk.stdin.flush()
            got = json.loads(talk.stdout.readline())
        assert got["id"] == number
        assert got["occurrences"][0]["due_at"] == "2027-01-01T00:00:00Z"
    talk.stdin.close()
    assert talk.wait(timeout=30) == 0
    assert talk.stderr.read() == b""
    assert talk.stdout.read() == b""


def test_a_reader_that_goes_away_ends_it_quietly(talk: subprocess.Popen[bytes]) -> None:
    assert talk.stdin
    assert talk.stdout
    assert talk.stderr
    talk.stdin.write(json.dumps(GOOD).encode() + b"\n")
    talk.stdin.flush()
    talk.stdout.readline()
    talk.stdout.close()
    talk.stdin.write(json.dumps(GOOD).encode() + b"\n")
    talk.stdin.flush()
    assert talk.wait(timeout=30) == 1
    assert talk.stderr.read() == b""


def test_ten_thousand_lines_of_a_file_are_answered_in_their_order() -> None:
    lines = b"".join(json.dumps({**GOOD, "id": number}).encode() + b"\n" for number in range(10_000))
    ran = subprocess.run(
        [sys.executable, "manage.py", "preview", "--stdin"], cwd=ROOT, env={**os.environ, **NO_DATABASE}, input=lines,
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert [json.loads(line)["id"] for line in ran.stdout.splitlines()] == list(range(10_000))


# --- flags ---------------------------------------------------------------------------------------------------------
NIGHT = ("--dtstart", "2025-03-08T02:30", "--timezone", "America/New_York", "--after", "2025-03-08")


def test_a_person_sees_a_sentence_and_a_table() -> None:
    assert run("preview", *NIGHT, "--rrule", "FREQ=DAILY", "--limit", "2").out == (
        "every day at 02:30 in America/New_York; in the spring gap at 03:30\n"
        "slot                 local                      UTC                   note\n"
        "2025-03-08 02:30:00  2025-03-08 02:30:00-05:00  2025-03-08 07:30:00Z\n"
        "2025-03-09 02:30:00  2025-03-09 03:30:00-04:00  2025-03-09 07:30:00Z  gap: 02:30 does not exist, shifted to "
        "03:30\n"
    )


def test_several_rules_dates_and_policies_by_flags() -> None:
    ran = run(
        "preview", *NIGHT, "--rrule", "FREQ=DAILY;COUNT=2", "--rrule", "FREQ=MONTHLY;COUNT=2", "--rdate", "2025-06-01",
        "--exdate", "2025-03-08", "--gap", "next_valid", "--json",
    )  # fmt: skip
    got = json.loads(ran.out)
    assert got["id"] is None
    assert [one["local"] for one in got["occurrences"]] == [
        "2025-03-09T03:00:00-04:00",
        "2025-04-08T02:30:00-04:00",
        "2025-06-01T02:30:00-04:00",
    ]


def test_what_is_over_is_said() -> None:
    assert run("preview", *NIGHT, "--before", "2025-03-08T01:00").out == (
        "once, on 2025-03-08 at 02:30 in America/New_York; in the spring gap at 03:30\nNothing fires in that span.\n"
    )


def test_icalendar_text_comes_from_a_file_too(tmp_path: Path) -> None:
    text = "DTSTART;TZID=America/New_York:20251102T013000\r\nRRULE:FREQ=YEARLY;COUNT=1\r\n"
    (tmp_path / "event.ics").write_bytes(text.encode())
    ran = run("preview", "--ics", f"@{tmp_path}/event.ics", "--after", "2025-01-01", "--json")
    assert json.loads(ran.out)["occurrences"][0]["due_at"] == "2025-11-02T05:30:00Z"
    assert run("preview", "--ics", text, "--after", "2025-01-01", "--json").out == ran.out
    assert run("preview", "--ics", f"@{tmp_path}").refused.startswith(f"--ics: {tmp_path} cannot be read")
    (tmp_path / "event.ics").write_bytes(b"\xff")
    assert "Name a file in UTF-8." in run("preview", "--ics", f"@{tmp_path}/event.ics").refused


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["--rrule", "FREQ=DAILY"], "dtstart: it is missing."),
        ([*NIGHT, "--gap", "jump"], "gap: 'jump' is no policy for it."),
        ([*NIGHT, "--limit", "0"], "limit: 0 is out of range."),
        (["--timezone", "EST", "--cron", "@daily"], "timezone: 'EST' is an abbreviation"),
        (["--stdin", "--cron", "@daily"], "--stdin: each line says all by itself. Leave out --cron."),
    ],
)
def test_mistakes_in_flags_are_refused_in_a_sentence(arguments: list[str], refused: str) -> None:
    assert run("preview", *arguments).refused.startswith(refused)
