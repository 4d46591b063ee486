"""Long lists of ids are not compressed from now on: that took longer than all else that is written about a set.

What stands compressed stays so, and is read as ever. The release before this one notices nothing, and going back leaves
all as it is.
"""

from django.db import migrations

from events.migrations._patience import patiently

MAKE_PART = """
CREATE OR REPLACE FUNCTION events_make_part_of_log(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE events_transition INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,'
                   ' CONSTRAINT %I PRIMARY KEY (id)) WITH (autovacuum_freeze_min_age = 0,'
                   ' autovacuum_vacuum_insert_scale_factor = 0.05)', part, part || '_pkey');
    EXECUTE format('ALTER TABLE %I ALTER occurrences SET STATISTICS 0', part);
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I'
                   ' EXECUTE FUNCTION pgtrigger_never_truncated_9b6b9()', part);
END $$
"""
# Of the log with all of its parts.
UNCOMPRESSED = """
ALTER TABLE events_transition ALTER occurrences SET STORAGE EXTERNAL;
ALTER TABLE events_chunkstart ALTER occurrences SET STORAGE EXTERNAL
"""


def uncompressed(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(MAKE_PART)
        patiently(connection, lambda: cursor.execute(UNCOMPRESSED))


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0014_moves_together'),
    ]

    operations = [
        migrations.RunPython(uncompressed, migrations.RunPython.noop),
    ]
