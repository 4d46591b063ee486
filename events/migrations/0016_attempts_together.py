"""Expands alone: the attempts of many occurrences that end together may stand in one row.

The release before this one writes and reads attempts as ever, and all that it asks for is still a row of its own: it
only does not show the attempts that ended together. So going back leaves all as it is, and going forth again finds it
done. No row is moved; the index is made beside the work.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

from events.migrations._patience import patiently

IS_WIDE = """
SELECT EXISTS (SELECT FROM pg_constraint
               WHERE conrelid = 'events_attempt'::regclass AND conname = 'attempt_of_one_or_many')
"""
# Statistics of which occurrences are in which sets would take long to gather, and say nothing; and to compress the sets
# would take longer than all else that is written about them.
WIDEN = """
ALTER TABLE events_attempt ADD occurrences bigint[], ADD blocks bigint[], ALTER occurrence_id DROP NOT NULL;
ALTER TABLE events_attempt ALTER occurrences SET STATISTICS 0, ALTER occurrences SET STORAGE EXTERNAL,
    ADD CONSTRAINT attempt_of_one_or_many CHECK (
        occurrence_id IS NULL AND occurrences IS NOT NULL AND blocks IS NOT NULL
        OR occurrence_id IS NOT NULL AND occurrences IS NULL AND blocks IS NULL
    ) NOT VALID
"""
HALF_MADE = """
SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE c.relname = 'attempt_together' AND NOT i.indisvalid)
"""
INDEX = """
CREATE INDEX {beside} IF NOT EXISTS attempt_together ON events_attempt
    USING gin (blocks) WITH (fastupdate = off) WHERE blocks IS NOT NULL
"""
# An attempt of one occurrence, wherever it stands. What the rows are found by is there as well: see OneAttempt.
ONE_BY_ONE = """
CREATE OR REPLACE VIEW events_one_attempt AS
SELECT COALESCE(told.id, a.occurrence_id) AS occurrence_id, a.number, a.handler_kind, a.task_id, a.worker,
       a.started_at, a.finished_at, a.outcome, a.detail, a.occurrence_id AS alone, a.blocks
FROM events_attempt a LEFT JOIN LATERAL unnest(a.occurrences) AS told(id) ON true
"""


def together(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(IS_WIDE)
        if not cursor.fetchone()[0]:
            patiently(connection, lambda: cursor.execute(WIDEN))
        cursor.execute('ALTER TABLE events_attempt VALIDATE CONSTRAINT attempt_of_one_or_many')
        cursor.execute(HALF_MADE)
        if cursor.fetchone()[0]:
            cursor.execute('DROP INDEX CONCURRENTLY attempt_together')
        cursor.execute(INDEX.format(beside='' if connection.in_atomic_block else 'CONCURRENTLY'))
        cursor.execute(ONE_BY_ONE)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0015_ids_uncompressed'),
    ]

    operations = [
        migrations.RunPython(together, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelOptions(
                    name='attempt',
                    options={'ordering': ('id',)},
                ),
                migrations.AddField(
                    model_name='attempt',
                    name='blocks',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='In which blocks of ids they are: what they are found by.', null=True, size=None),
                ),
                migrations.AddField(
                    model_name='attempt',
                    name='occurrences',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Those that ended together, in place of one alone.', null=True, size=None),
                ),
                migrations.AlterField(
                    model_name='attempt',
                    name='occurrence',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='events.occurrence'),
                ),
                migrations.AddIndex(
                    model_name='attempt',
                    index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('blocks__isnull', False)), fastupdate=False, fields=['blocks'], name='attempt_together'),
                ),
                migrations.AddConstraint(
                    model_name='attempt',
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(('blocks__isnull', False), ('occurrence', None), ('occurrences__isnull', False)), models.Q(('blocks', None), ('occurrence__isnull', False), ('occurrences', None)), _connector='OR'), name='attempt_of_one_or_many'),
                ),
                migrations.CreateModel(
                    name='OneAttempt',
                    fields=[
                        ('pk', models.CompositePrimaryKey('occurrence_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('number', models.PositiveIntegerField()),
                        ('handler_kind', models.CharField(max_length=16)),
                        ('task_id', models.CharField(blank=True, max_length=64)),
                        ('worker', models.CharField(max_length=200)),
                        ('started_at', models.DateTimeField()),
                        ('finished_at', models.DateTimeField(null=True)),
                        ('outcome', models.CharField(blank=True, max_length=20)),
                        ('detail', models.JSONField(null=True)),
                        ('alone', models.BigIntegerField(null=True)),
                        ('blocks', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                        ('occurrence', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='events.occurrence')),
                    ],
                    options={
                        'db_table': 'events_one_attempt',
                        'ordering': ('occurrence_id', 'number'),
                        'managed': False,
                        'default_permissions': (),
                    },
                ),
            ],
        ),
    ]
