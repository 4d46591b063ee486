"""The crontab and the manifest of examples/cronjob can be read, and say what the commands understand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from events.shards import Shard

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "cronjob"
FIELD = r"(?:\*(?:/\d+)?|\d+)"
LINE = re.compile(
    rf"(?P<when>{FIELD}(?: +{FIELD}){{4}}) +cd \$PUNCTUAL && timeout \d+ \.venv/bin/python (?P<what>.+) >/dev/null"
)


def manifests() -> dict[tuple[str, str], dict[str, Any]]:
    documents = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def template(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod of a workload."""
    spec: dict[str, Any] = manifest["spec"]
    pod: dict[str, Any] = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]
    return pod


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    (only,) = template(manifest)["containers"]
    assert isinstance(only, dict)
    return only


def crontab() -> dict[str, str]:
    """What the crontab runs, and when."""
    lines = (FOLDER / "crontab").read_text().splitlines()
    jobs = [LINE.fullmatch(line) for line in lines if line and not line.startswith(("#", "PUNCTUAL="))]
    assert all(jobs), lines
    return {job["what"]: " ".join(job["when"].split()) for job in jobs if job}


def options_of(command: list[str]) -> tuple[str, dict[str, Any]]:
    """The name and the options of `manage.py NAME ...`, as the command itself reads them."""
    assert command[0] == "manage.py"
    app = get_commands()[command[1]]
    assert isinstance(app, str)
    parser = load_command_class(app, command[1]).create_parser("manage.py", command[1])
    return command[1], vars(parser.parse_args(command[2:]))


def test_the_crontab_runs_commands_that_exist_and_two_shards_that_make_a_whole() -> None:
    jobs = crontab()
    ran = [options_of(shlex.split(what)) for what in jobs]
    assert sorted(name for name, _ in ran) == ["plan", "recover", "shell", "sweep", "sweep"]
    assert all(options["once"] for name, options in ran if name != "shell")
    assert [options["shard"] for name, options in ran if name == "sweep"] == [Shard(1, 2), Shard(2, 2)]
    assert {when for what, when in jobs.items() if " sweep " in what} == {"* * * * *"}


def test_the_manifest_and_the_crontab_do_the_same_at_the_same_times() -> None:
    by_cron = {what.split()[1].replace("shell", "prune"): when for what, when in crontab().items()}
    by_kubernetes = {
        name.removeprefix("punctual-"): each["spec"]["schedule"]
        for (kind, name), each in manifests().items()
        if kind == "CronJob"
    }
    assert by_cron == by_kubernetes


def test_every_part_of_the_manifest_has_the_image_and_the_secret() -> None:
    image = compose()["x-punctual"]["image"]
    assert len(manifests()) == 6
    for each in manifests().values():
        assert container(each)["image"] == image
        assert container(each)["envFrom"] == [{"secretRef": {"name": "punctual"}}]


def test_the_jobs_never_pile_up_and_are_not_retried_beside_the_timer() -> None:
    jobs = [each["spec"] for (kind, _), each in manifests().items() if kind == "CronJob"]
    assert {job["concurrencyPolicy"] for job in jobs} == {"Forbid"}
    for job in jobs:
        assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
        assert job["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("name", ["plan", "recover"])
def test_the_manifest_runs_commands_that_exist(name: str) -> None:
    python, *command = container(manifests()["CronJob", f"punctual-{name}"])["command"]
    assert python == "python"
    ran, options = options_of(command)
    assert (ran, options["once"]) == (name, True)


def test_the_manifest_and_the_crontab_forget_in_the_same_words() -> None:
    _, *command = container(manifests()["CronJob", "punctual-prune"])["command"]
    assert [shlex.split(what) for what in crontab() if " shell " in what] == [command]


def test_the_manifest_sweeps_as_many_shards_as_it_has_jobs() -> None:
    sweep = manifests()["CronJob", "punctual-sweep"]
    job = sweep["spec"]["jobTemplate"]["spec"]
    shell, flags, script = container(sweep)["command"]
    assert (shell, flags, job["completionMode"]) == ("sh", "-ec", "Indexed")
    assert job["completions"] == job["parallelism"]
    shards = []
    for index in range(job["completions"]):
        said = script.replace("$((JOB_COMPLETION_INDEX + 1))", str(index + 1))
        assert "$" not in said
        _, options = options_of(shlex.split(said.removeprefix("exec python ")))
        assert options["once"]
        shards.append(options["shard"])
    assert shards == [Shard(number, len(shards)) for number in range(1, len(shards) + 1)]


def test_workers_are_as_usual() -> None:
    worker = manifests()["Deployment", "punctual-worker"]
    usual = shlex.split(compose()["services"]["worker-catchup"]["command"])
    ours = container(worker)["command"] + container(worker)["args"]
    queues = ours[ours.index("--queues") + 1]
    assert queues == usual[usual.index("--queues") + 1]
    assert ours[:4] == usual[:4]
    grace = compose()["x-punctual"]["stop_grace_period"]
    assert f"{template(worker)['terminationGracePeriodSeconds']}s" == grace
    assert worker["spec"]["selector"]["matchLabels"] == worker["spec"]["template"]["metadata"]["labels"]
