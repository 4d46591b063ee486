"""Expands alone: the same move of many occurrences may stand in one row of the log.

The release before this one writes and reads the log as ever; of what this one writes it does not see the moves that
were made together. So going back leaves all as it is, and going forth again finds it done. No row is moved; the index
is made beside the work.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from events.migrations._patience import patiently

# Statistics of which occurrences are in which sets would take long to gather, and say nothing.
MAKE_PART = """
CREATE OR REPLACE FUNCTION events_make_part_of_log(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE events_transition INCLUDING DEFAULTS INCLUDING CONSTRAINTS,'
                   ' CONSTRAINT %I PRIMARY KEY (id)) WITH (autovacuum_freeze_min_age = 0,'
                   ' autovacuum_vacuum_insert_scale_factor = 0.05)', part, part || '_pkey');
    EXECUTE format('ALTER TABLE %I ALTER occurrences SET STATISTICS 0', part);
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I'
                   ' EXECUTE FUNCTION pgtrigger_never_truncated_9b6b9()', part);
END $$
"""
IS_WIDE = """
SELECT EXISTS (SELECT FROM pg_constraint
               WHERE conrelid = 'events_transition'::regclass AND conname = 'transition_of_one_or_many')
"""
WIDEN = """
ALTER TABLE events_transition ADD occurrences bigint[], ADD blocks bigint[], ALTER occurrence_id DROP NOT NULL;
ALTER TABLE events_transition ALTER occurrences SET STATISTICS 0,
    ADD CONSTRAINT transition_of_one_or_many CHECK (
        occurrence_id IS NULL AND occurrences IS NOT NULL AND blocks IS NOT NULL
        OR occurrence_id IS NOT NULL AND occurrences IS NULL AND blocks IS NULL
    ) NOT VALID
"""
PARTS_WITHOUT = """
SELECT part.inhrelid::regclass::text FROM pg_inherits part
WHERE part.inhparent = 'events_transition'::regclass AND NOT EXISTS (
    SELECT FROM pg_index i JOIN pg_inherits its ON its.inhrelid = i.indexrelid
    WHERE i.indrelid = part.inhrelid AND its.inhparent = 'transition_together'::regclass
) ORDER BY 1
"""
HALF_MADE = """
SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE c.relname = %s AND NOT i.indisvalid)
"""
# Without a list of what waits to be merged: whoever reads the index would have to read that too, and some write would
# have to merge it.
TOGETHER = 'USING gin (blocks) WITH (fastupdate = off) WHERE blocks IS NOT NULL'
# First that of the whole: a part that is made meanwhile has the index from its beginning.
OF_WHOLE = f'CREATE INDEX IF NOT EXISTS transition_together ON ONLY events_transition {TOGETHER}'
# A move of one occurrence, wherever it stands. What the rows are found by is there as well: see LoggedMove.
MOVES = """
CREATE OR REPLACE VIEW events_move AS
SELECT t.id AS number, COALESCE(told.id, t.occurrence_id) AS occurrence_id, t.from_state, t.to_state, t.reason,
       t.actor, t.attempt, t.claim_token, t.correlation_id, t.at, t.detail,
       t.occurrence_id AS alone, t.blocks
FROM events_transition t LEFT JOIN LATERAL unnest(t.occurrences) AS told(id) ON true
"""


def together(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(IS_WIDE)
        if not cursor.fetchone()[0]:
            patiently(connection, lambda: cursor.execute(WIDEN))
        cursor.execute('ALTER TABLE events_transition VALIDATE CONSTRAINT transition_of_one_or_many')
        cursor.execute(MAKE_PART)
        index(connection, cursor)
        cursor.execute(MOVES)


def index(connection, cursor):
    patiently(connection, lambda: cursor.execute(OF_WHOLE))
    cursor.execute(PARTS_WITHOUT)
    for (part,) in cursor.fetchall():
        cursor.execute(HALF_MADE, [f'{part}_together'])
        if cursor.fetchone()[0]:
            cursor.execute(f'DROP INDEX CONCURRENTLY {part}_together')
        beside = '' if connection.in_atomic_block else 'CONCURRENTLY'
        cursor.execute(f'CREATE INDEX {beside} IF NOT EXISTS {part}_together ON {part} {TOGETHER}')
        attach = f'ALTER INDEX transition_together ATTACH PARTITION {part}_together'
        patiently(connection, lambda attach=attach: cursor.execute(attach))


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0013_start_and_settle_together'),
    ]

    operations = [
        migrations.RunPython(together, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name='transition',
                    name='occurrences',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Those that moved together, in place of one alone.', null=True, size=None),
                ),
                migrations.AddField(
                    model_name='transition',
                    name='blocks',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='In which blocks of ids they are: what they are found by.', null=True, size=None),
                ),
                migrations.AlterField(
                    model_name='transition',
                    name='occurrence',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='events.occurrence'),
                ),
                migrations.AddIndex(
                    model_name='transition',
                    index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('blocks__isnull', False)), fields=['blocks'], fastupdate=False, name='transition_together'),
                ),
                migrations.AddConstraint(
                    model_name='transition',
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(('blocks__isnull', False), ('occurrence', None), ('occurrences__isnull', False)), models.Q(('blocks', None), ('occurrence__isnull', False), ('occurrences', None)), _connector='OR'), name='transition_of_one_or_many'),
                ),
                migrations.AlterField(
                    model_name='retention',
                    name='dropped',
                    field=models.BigIntegerField(help_text='How many moves, or how many occurrences.'),
                ),
                migrations.CreateModel(
                    name='LoggedMove',
                    fields=[
                        ('pk', models.CompositePrimaryKey('number', 'occurrence_id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('number', models.BigIntegerField()),
                        ('from_state', models.CharField(blank=True, max_length=10)),
                        ('to_state', models.CharField(max_length=10)),
                        ('reason', models.CharField(max_length=30)),
                        ('actor', models.CharField(max_length=200)),
                        ('attempt', models.PositiveIntegerField()),
                        ('claim_token', models.UUIDField(null=True)),
                        ('correlation_id', models.UUIDField(null=True)),
                        ('at', models.DateTimeField()),
                        ('detail', models.JSONField(null=True)),
                        ('alone', models.BigIntegerField(null=True)),
                        ('blocks', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                        ('occurrence', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='moves', to='events.occurrence')),
                    ],
                    options={
                        'db_table': 'events_move',
                        'ordering': ('number', 'occurrence_id'),
                        'managed': False,
                        'default_permissions': (),
                    },
                ),
            ],
        ),
    ]
