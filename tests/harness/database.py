"""A database with real commits, for tests that use several connections, threads or processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.apps import apps
from django.db import connection, connections

if TYPE_CHECKING:
    from collections.abc import Mapping

# What migrations write, and tests need: permissions and the names of models.
KEPT_APPS = {"contenttypes"}
KEPT_TABLES = {"auth_permission", "django_migrations"}


@dataclass(frozen=True)
class CommittedDatabase:
    """The test database as other processes reach it."""

    url: str

    def environment(self, **more: str) -> Mapping[str, str]:
        """This process's environment with DATABASE_URL set to the test database: for subprocess's `env`."""
        return {**os.environ, "DATABASE_URL": self.url, **more}


def current_url() -> str:
    """The DATABASE_URL of the database that Django is connected to now."""
    parameters = connection.get_connection_params()
    host = quote(str(parameters.get("host") or ""), safe="")
    user, password = str(parameters.get("user") or ""), str(parameters.get("password") or "")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}" if password else quote(user, safe="")
    port = f":{parameters['port']}" if parameters.get("port") else ""
    return f"postgresql://{login}@{host}{port}/{parameters['dbname']}"


def empty_all_tables() -> None:
    """Remove every row that a test may have committed.

    The log of transitions refuses TRUNCATE by trigger; a session in the role `replica` fires no such trigger.
    """
    name = str(connection.settings_dict["NAME"])
    assert name.startswith("test_"), f"{name} is not a test database: nothing is removed"
    tables = ", ".join(connection.ops.quote_name(table) for table in _tables())
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET lock_timeout = '10s'")
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        cursor.execute("RESET session_replication_role; RESET lock_timeout")
    connections.close_all()


def _tables() -> list[str]:
    models = apps.get_models(include_auto_created=True)
    wanted = {
        model._meta.db_table
        for model in models
        if model._meta.managed and not model._meta.proxy and model._meta.app_label not in KEPT_APPS
    }
    return sorted((wanted - KEPT_TABLES) & set(connection.introspection.table_names()))
