"""Expands alone: what a worker has taken up, and rows that start and end in one transaction."""

import django.contrib.postgres.fields
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0012_log_by_month'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChunkStart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claim_token', models.UUIDField()),
                ('first', models.BigIntegerField(help_text="The least of its occurrences: with the token, the chunk's identity.")),
                ('occurrences', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('task_id', models.CharField(blank=True, max_length=64)),
                ('worker', models.CharField(max_length=200)),
                ('started_at', models.DateTimeField()),
                ('lease_expires_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'chunk at work',
                'verbose_name_plural': 'chunks at work',
                'ordering': ('id',),
            },
        ),
        migrations.AddConstraint(
            model_name='chunkstart',
            constraint=models.UniqueConstraint(fields=('claim_token', 'first'), name='chunk_start_once'),
        ),
        # Small, and all of it comes and goes: what is dead in it is looked through by every pass of recovery.
        migrations.RunSQL(
            'ALTER TABLE events_chunkstart SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)',
            migrations.RunSQL.noop,
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='occurrence',
            name='legal_moves_only',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='occurrence',
            trigger=pgtrigger.compiler.Trigger(name='legal_moves_only', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN ('CANCELLED>SCHEDULED', 'FAILED>CANCELLED', 'FAILED>COMPLETED', 'FAILED>RETRYING', 'PENDING>CANCELLED', 'PENDING>PROCESSING', 'PENDING>RETRYING', 'PENDING>SCHEDULED', 'PENDING>SKIPPED', 'PROCESSING>COMPLETED', 'PROCESSING>FAILED', 'PROCESSING>RETRYING', 'PROCESSING>SKIPPED', 'PROCESSING>UNKNOWN', 'RETRYING>CANCELLED', 'RETRYING>PENDING', 'RETRYING>SKIPPED', 'SCHEDULED>CANCELLED', 'SCHEDULED>PENDING', 'SCHEDULED>SKIPPED', 'UNKNOWN>CANCELLED', 'UNKNOWN>COMPLETED', 'UNKNOWN>RETRYING') AND NOT (NEW.attempt = OLD.attempt + 1 AND (OLD.state || '>' || NEW.state) IN ('PENDING>COMPLETED', 'PENDING>FAILED', 'PENDING>RETRYING', 'PENDING>SKIPPED')))", func="RAISE EXCEPTION 'illegal move of occurrence %: % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';", hash='cbb6750edbbe23af16dd0806b1113d8eb549789b', operation='UPDATE OF "state"', pgid='pgtrigger_legal_moves_only_66d6e', table='events_occurrence', when='BEFORE')),
        ),
    ]
