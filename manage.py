#!/usr/bin/env python
"""Punctual's command line: `python manage.py help` lists what it can do."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")
    from django.core.management import execute_from_command_line

    from scheduler_project.database.base import EmbeddedPostgresNotRunning

    try:
        execute_from_command_line(sys.argv)
    except EmbeddedPostgresNotRunning as error:
        sys.exit(f"punctual: {error}")
