"""Expands alone: the release before this one runs on the tables that it leaves."""

import datetime
import events.lifecycle
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Breaker',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('handler', models.CharField(max_length=100)),
                ('destination', models.CharField(help_text='As the handler names it, such as a host.', max_length=255)),
                ('state', models.CharField(choices=[('closed', 'closed: calls are made'), ('open', 'open: none is made'), ('half_open', 'half open: one probe is on its way')], default='closed', max_length=9)),
                ('failures', models.PositiveIntegerField(default=0, help_text='In a row, since the last success.')),
                ('last_failure', models.CharField(blank=True, max_length=500)),
                ('opened_at', models.DateTimeField(null=True)),
                ('probe_at', models.DateTimeField(help_text='The earliest next probe.', null=True)),
                ('probe', models.BigIntegerField(help_text='The occurrence that is the latest probe.', null=True)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('handler', 'destination'),
            },
        ),
        migrations.CreateModel(
            name='Downtime',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField(help_text='The last sweep before it.')),
                ('ended_at', models.DateTimeField(help_text='The first sweep after it.')),
                ('noticed_by', models.CharField(max_length=200)),
            ],
            options={
                'ordering': ('-ended_at',),
            },
        ),
        migrations.CreateModel(
            name='ProcessClock',
            fields=[
                ('process', models.CharField(help_text='host:pid', max_length=200, primary_key=True, serialize=False)),
                ('role', models.CharField(help_text='worker, sweeper, beat, web or command', max_length=50)),
                ('skew', models.DurationField(help_text="Its clock minus the database's: positive where it is ahead.")),
                ('measured_at', models.DateTimeField(help_text="By the database's clock.")),
            ],
            options={
                'ordering': ('process',),
            },
        ),
        migrations.CreateModel(
            name='Watermark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('swept_until', models.DateTimeField(help_text='The latest moment at which a sweep looked for what is due.')),
                ('catch_up_at', models.DateTimeField(default=datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), help_text='When the next late row may be claimed, if the catch-up lane is throttled.')),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='occurrence',
            name='occurrence_only_claimable_is_held',
        ),
        migrations.AddField(
            model_name='occurrence',
            name='destination',
            field=models.CharField(blank=True, db_default='', default='', help_text='Whose circuit breaker keeps it waiting, or did last.', max_length=255),
        ),
        migrations.AddField(
            model_name='occurrence',
            name='payload',
            field=models.JSONField(blank=True, help_text="This one's own payload, put in place of its rule's by a person.", null=True),
        ),
        migrations.AddField(
            model_name='rule',
            name='at_most_once',
            field=models.BooleanField(db_default=False, default=False, help_text='Never call twice, even if the handler says that its receiver knows repetitions by their key.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='catch_up',
            field=models.CharField(choices=[('all', 'all: fire each of them, late'), ('latest', 'latest: fire the last one for each entity, skip those before it'), ('skip', 'skip: fire none of them')], db_default='all', default='all', help_text='What becomes of those that are later than the grace when somebody looks, as after an outage.', max_length=8),
        ),
        migrations.AddField(
            model_name='rule',
            name='overlap',
            field=models.CharField(choices=[('allow', 'allow: both run'), ('skip', 'skip: this one is skipped'), ('queue', 'queue: this one waits')], db_default='allow', default='allow', help_text="What becomes of one that is due while the entity's previous one is still at work.", max_length=8),
        ),
        migrations.AddField(
            model_name='rule',
            name='when_unknown',
            field=models.CharField(choices=[('ask', 'ask: a person decides'), ('complete', 'complete: taken as done'), ('cancel', 'cancel: given up')], db_default='ask', default='ask', help_text='What becomes of one of which nobody knows whether its call happened, not even the handler.', max_length=8),
        ),
        migrations.AlterField(
            model_name='occurrence',
            name='hold',
            field=models.CharField(blank=True, choices=[('rule_paused', 'rule_paused'), ('handler_missing', 'handler_missing'), ('edited', 'edited'), ('breaker_open', 'breaker_open'), ('overlapping', 'overlapping')], help_text='What keeps it waiting.', max_length=20),
        ),
        AddConstraintNotValid(
            model_name='occurrence',
            constraint=models.CheckConstraint(condition=models.Q(('hold', ''), models.Q(('hold__in', [events.lifecycle.Hold['RULE_PAUSED'], events.lifecycle.Hold['HANDLER_MISSING'], events.lifecycle.Hold['EDITED'], events.lifecycle.Hold['BREAKER_OPEN'], events.lifecycle.Hold['OVERLAPPING']]), ('state__in', [events.lifecycle.State['RETRYING'], events.lifecycle.State['SCHEDULED']])), _connector='OR'), name='occurrence_only_claimable_is_held'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('catch_up__in', ['all', 'latest', 'skip'])), name='rule_catch_up_known'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('overlap__in', ['allow', 'skip', 'queue'])), name='rule_overlap_known'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('when_unknown__in', ['ask', 'complete', 'cancel'])), name='rule_when_unknown_known'),
        ),
        migrations.AddConstraint(
            model_name='breaker',
            constraint=models.UniqueConstraint(fields=('handler', 'destination'), name='breaker_once_per_destination'),
        ),
        migrations.AddConstraint(
            model_name='breaker',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['closed', 'open', 'half_open'])), name='breaker_state_known'),
        ),
        migrations.AddConstraint(
            model_name='breaker',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('opened_at', None), ('probe_at', None), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('opened_at__isnull', False), ('probe_at__isnull', False)), _connector='OR'), name='breaker_open_has_a_probe_time'),
        ),
        migrations.AddConstraint(
            model_name='downtime',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__gt', models.F('started_at'))), name='downtime_ends_after_start'),
        ),
        migrations.AddIndex(
            model_name='processclock',
            index=models.Index(fields=['measured_at'], name='process_clock_latest'),
        ),
        migrations.AddConstraint(
            model_name='watermark',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='watermark_is_one_row'),
        ),
    ]
