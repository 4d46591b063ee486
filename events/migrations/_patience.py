"""Locks that whoever works on the table meanwhile hardly notices."""

import time

from django.db import OperationalError, transaction

TRIES, PAUSE_SECONDS = 30, 2


def patiently(connection, work):
    """In a transaction that waits two seconds for a lock: whoever writes meanwhile waits no longer than that."""
    for tried in range(1, TRIES + 1):
        try:
            with transaction.atomic(using=connection.alias):
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '2s'")
                return work()
        except OperationalError as error:
            if 'lock timeout' not in str(error) or tried == TRIES:
                raise
        time.sleep(PAUSE_SECONDS)
