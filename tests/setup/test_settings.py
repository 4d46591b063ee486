"""Settings come from the environment; nonsense is refused in one sentence that names it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler_project import env

ROOT = Path(__file__).resolve().parents[2]
KEY = "k" * 40


def read(tmp_path: Path, **variables: str) -> env.Environment:
    return env.read(env.Reader({"PUNCTUAL_VAR": str(tmp_path), **variables}), tmp_path)


def test_the_example_lists_every_setting_and_no_other(tmp_path: Path) -> None:
    reader = env.Reader({"PUNCTUAL_VAR": str(tmp_path)})
    env.read(reader, tmp_path)
    listed = re.findall(r"^# ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    assert sorted(listed) == sorted(reader.names)


def test_the_examples_defaults_are_the_defaults(tmp_path: Path) -> None:
    shown = dict(re.findall(r"^# ?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    shown["PUNCTUAL_VAR"] = str(tmp_path)
    assert env.read(env.Reader(shown), tmp_path) == read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DEBUG", "ja", "DEBUG=ja: is neither yes nor no. Use true or false."),
        ("WEB_PORT", "0", "WEB_PORT=0: is not a whole number in range. Use 1 to 65535; the default is 8000."),
        ("PUNCTUAL_SWEEP_SECONDS", "1.5", "Use 1 to 60; the default is 60."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT=xml: is unknown. Use one of: console, json."),
        (
            "PUNCTUAL_HANDLERS",
            "handlers.log,not/a/path",
            "PUNCTUAL_HANDLERS=not/a/path: is not the dotted path",
        ),
        ("PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8", "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS=10.0.0.1/8"),
        ("CSRF_TRUSTED_ORIGINS", "example.com", "CSRF_TRUSTED_ORIGINS=example.com: has no scheme."),
        ("PUNCTUAL_CHUNK", "9000", "PUNCTUAL_CHUNK=9000: is above PUNCTUAL_CLAIM_BATCH=8000."),
        ("FLOWER_PORT", "8000", "FLOWER_PORT=8000: is WEB_PORT too."),
    ],
)
def test_nonsense_is_refused_by_name(tmp_path: Path, name: str, value: str, said: str) -> None:
    with pytest.raises(env.InvalidSetting) as refused:
        read(tmp_path, **{name: value})
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h"),
        ("DATABASE_URL", "hunter2"),
        ("CELERY_BROKER_URL", "redis://:hunter2@h"),
        ("CELERY_BROKER_URL", "amqp://u:hunter2@"),
        ("CELERY_BROKER_URL", "amqp://u:hunter2@h:port"),
        ("SECRET_KEY", "hunter2"),
    ],
)
def test_a_refusal_never_shows_a_secret(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(env.InvalidSetting) as refused:
        read(tmp_path, **{"SECRET_KEY": KEY, name: value})
    assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_local_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_real_database_needs_a_given_secret(tmp_path: Path) -> None:
    with pytest.raises(env.InvalidSetting, match="must be given where DATABASE_URL is set and DEBUG is off"):
        read(tmp_path, DATABASE_URL="postgresql://u@h/d")
    assert read(tmp_path, DATABASE_URL="postgresql://u@h/d", SECRET_KEY=KEY).secret_key == KEY


def test_a_database_connection_is_kept_and_checked(tmp_path: Path) -> None:
    for url in ("", "postgresql://u:p@h:5433/d?sslmode=require"):
        database = read(tmp_path, DATABASE_URL=url, SECRET_KEY=KEY).database
        assert database["CONN_MAX_AGE"] is None
        assert database["CONN_HEALTH_CHECKS"] is True
        assert database["OPTIONS"]["connect_timeout"] == 10


def test_values_become_what_they_mean(tmp_path: Path) -> None:
    settings = read(
        tmp_path, PUNCTUAL_HORIZON_HOURS=" 72 ", ALLOWED_HOSTS="a.example, b.example,", DEBUG="Yes"
    )
    assert settings.horizon == timedelta(days=3)
    assert settings.allowed_hosts == ["a.example", "b.example"]
    assert settings.debug is True


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(env.InvalidSetting, match=r"PUNCTUAL_VAR=.*cannot be kept there"):
        read(tmp_path, PUNCTUAL_VAR=str(tmp_path / "file" / "var"))


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-m", "celery", "-A", "scheduler_project", "worker"],
        ["-m", "gunicorn", "scheduler_project.wsgi", "--preload", "--bind", "127.0.0.1:0"],
        ["-m", "scheduler_project.local"],
    ],
)
def test_every_program_refuses_nonsense_in_one_line(command: list[str]) -> None:
    refused = run(*command, WEB_PORT="high")
    assert refused.returncode == 1
    lines = [
        line
        for line in (refused.stdout + refused.stderr).splitlines()
        if "gunicorn" not in line and "[INFO]" not in line
    ]
    assert lines == [
        "punctual: WEB_PORT=high: is not a whole number in range. Use 1 to 65535; the default is 8000."
    ]


def test_a_missing_settings_file_is_named() -> None:
    refused = run("manage.py", "check", PUNCTUAL_ENV_FILE="/nowhere/.env")
    assert (
        refused.stderr
        == "punctual: PUNCTUAL_ENV_FILE=/nowhere/.env: is not a file. Name a file, or leave it empty.\n"
    )


def test_a_settings_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("LOG_LEVEL=ERROR\nWEB_PORT=high\n")
    accepted = run("manage.py", "check", PUNCTUAL_ENV_FILE=str(tmp_path / "settings"), WEB_PORT="8000")
    assert accepted.returncode == 0


def test_without_its_server_the_embedded_database_says_what_to_do(tmp_path: Path) -> None:
    refused = run("manage.py", "showmigrations", DATABASE_URL="", PUNCTUAL_VAR=str(tmp_path))
    assert refused.returncode == 1
    last = refused.stderr.strip().splitlines()[-1]
    assert f"PostgreSQL does not run in {tmp_path}/postgres: run `make up`, or set DATABASE_URL." in last


@pytest.mark.parametrize(
    ("log_format", "shape"), [("json", r'^\{.*"event": "hello".*\}$'), ("console", r"hello.*a=1")]
)
def test_logs_are_lines_for_people_or_json_for_machines(log_format: str, shape: str) -> None:
    program = (
        "import django; django.setup(); import structlog; structlog.get_logger('x').warning('hello', a=1)"
    )
    logged = run("-c", program, LOG_FORMAT=log_format)
    assert re.search(shape, logged.stderr, flags=re.MULTILINE), logged.stderr
