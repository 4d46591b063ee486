"""The log becomes a table of months, without a row being moved: what there is becomes its first part.

Expands alone: the release before this one writes and reads the log as ever. So going back leaves it as it is, and going
forth again finds it done. The table is read once beside the work, to prove that all of it lies before an instant; what
then needs the log for itself takes milliseconds, waits for readers two seconds at most, and is tried again.
"""

from django.db import migrations

from events.migrations._patience import patiently

# Opened by this function alone, so that no month lacks what makes it append-only. Rows that never change again are
# frozen when they are first vacuumed, and never visited after that.
OPEN_MONTH = """
CREATE OR REPLACE FUNCTION events_open_month_of_log(month date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    part text := 'events_transition_' || to_char(month, 'YYYY_MM');
    begins timestamptz := month::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    PERFORM events_make_part_of_log(part);
    EXECUTE format('ALTER TABLE events_transition ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   part, begins, ends);
    RETURN part;
END $$
"""
MAKE_PART = """
CREATE OR REPLACE FUNCTION events_make_part_of_log(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE events_transition INCLUDING DEFAULTS INCLUDING CONSTRAINTS,'
                   ' CONSTRAINT %I PRIMARY KEY (id)) WITH (autovacuum_freeze_min_age = 0,'
                   ' autovacuum_vacuum_insert_scale_factor = 0.05)', part, part || '_pkey');
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I'
                   ' EXECUTE FUNCTION pgtrigger_never_truncated_9b6b9()', part);
END $$
"""

IS_DONE = "SELECT relkind = 'p' FROM pg_class WHERE oid = 'events_transition'::regclass"
# An empty log ends now; the months of a filled one begin so far ahead that the proof holds until all is done.
END_OF_PAST = """
SELECT (CASE WHEN latest IS NULL THEN date_trunc('month', now() AT TIME ZONE 'UTC')
             ELSE date_trunc('month', greatest(now(), latest) AT TIME ZONE 'UTC') + interval '2 months' END)::date
FROM (SELECT max(at) AS latest FROM events_transition) AS log
"""
PROVE = """
ALTER TABLE events_transition DROP CONSTRAINT IF EXISTS transition_of_the_past;
ALTER TABLE events_transition ADD CONSTRAINT transition_of_the_past
    CHECK (at < '{end}'::timestamp AT TIME ZONE 'UTC') NOT VALID
"""
TRIGGERS = """
SELECT tgname, pg_get_triggerdef(oid), obj_description(oid, 'pg_trigger') FROM pg_trigger
WHERE tgrelid = 'events_transition'::regclass AND NOT tgisinternal
"""
SWAP = """
ALTER TABLE events_transition RENAME TO {past};
ALTER INDEX events_transition_pkey RENAME TO {past}_pkey;
ALTER INDEX transition_story RENAME TO {past}_story;
ALTER TABLE {past} ALTER COLUMN id DROP IDENTITY;
CREATE SEQUENCE events_transition_id_seq;
SELECT setval('events_transition_id_seq', {next_id}, false);
CREATE TABLE events_transition (LIKE {past} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (at);
ALTER TABLE events_transition DROP CONSTRAINT transition_of_the_past;
ALTER TABLE events_transition ALTER COLUMN id SET DEFAULT nextval('events_transition_id_seq');
ALTER TABLE {past} ALTER COLUMN id SET DEFAULT nextval('events_transition_id_seq');
ALTER SEQUENCE events_transition_id_seq OWNED BY events_transition.id;
CREATE INDEX transition_story ON events_transition (occurrence_id, id)
"""
FILL = """
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {past} EXECUTE FUNCTION pgtrigger_never_truncated_9b6b9();
ALTER TABLE {past} SET (autovacuum_freeze_min_age = 0, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE events_transition ATTACH PARTITION {past} FOR VALUES FROM (MINVALUE) TO ('{end} 00:00:00+00');
ALTER TABLE {past} DROP CONSTRAINT transition_of_the_past;
SELECT events_make_part_of_log('events_transition_default');
ALTER TABLE events_transition ATTACH PARTITION events_transition_default DEFAULT;
SELECT events_open_month_of_log(('{end}'::date + n * interval '1 month')::date) FROM generate_series(0, 3) AS n
"""


def by_month(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        for statement in (MAKE_PART, OPEN_MONTH, IS_DONE):
            cursor.execute(statement)
        if cursor.fetchone()[0]:
            return
        cursor.execute(END_OF_PAST)
        end = cursor.fetchone()[0]
        patiently(connection, lambda: cursor.execute(PROVE.format(end=end)))
        cursor.execute('ALTER TABLE events_transition VALIDATE CONSTRAINT transition_of_the_past')
        patiently(connection, lambda: swap(cursor, end))


def swap(cursor, end):
    past = f'events_transition_before_{end:%Y_%m}'
    cursor.execute('LOCK TABLE events_transition IN ACCESS EXCLUSIVE MODE')
    cursor.execute(TRIGGERS)
    triggers = cursor.fetchall()
    cursor.execute("SELECT nextval(pg_get_serial_sequence('events_transition', 'id'))")
    next_id = cursor.fetchone()[0]
    for name, _, _ in triggers:
        cursor.execute(f'DROP TRIGGER {name} ON events_transition')
    cursor.execute(SWAP.format(past=past, next_id=next_id))
    for name, definition, comment in triggers:
        cursor.execute(definition)
        cursor.execute(f'COMMENT ON TRIGGER {name} ON events_transition IS %s', [comment])
    cursor.execute(FILL.format(past=past, end=end))


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0011_retention'),
    ]

    operations = [
        migrations.RunPython(by_month, migrations.RunPython.noop),
    ]
