"""Punctual's settings, with another address book."""

from scheduler_project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.plain"
