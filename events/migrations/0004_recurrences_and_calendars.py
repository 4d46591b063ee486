"""Expands alone: the release before this one runs on the tables that it leaves, as long as no rule uses what is new."""

import datetime
import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import events.timing.business_days
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0003_recovery_by_policy_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='rule',
            name='cron',
            field=models.CharField(blank=True, db_default='', default='', help_text='Or a cron expression in local time, such as 30 9 * * MON-FRI.', max_length=200),
        ),
        migrations.AddField(
            model_name='rule',
            name='draw_seed',
            field=models.UUIDField(db_default=django.contrib.postgres.functions.RandomUUID(), editable=False, help_text='What random moments are drawn with: the same seed gives the same ones again.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='draws',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, help_text='How many times within each window.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='every',
            field=models.CharField(blank=True, db_default='', default='', help_text='Or an ISO 8601 duration, such as PT30M, P1D or P2W.', max_length=60),
        ),
        migrations.AddField(
            model_name='rule',
            name='every_from',
            field=models.CharField(choices=[('start', 'start: counted from the first one, however long each takes'), ('completion', 'completion: counted from the end of the one before')], db_default='start', default='start', help_text='From what that duration counts.', max_length=10),
        ),
        migrations.AddField(
            model_name='rule',
            name='exdates',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Left out: dates or local times in ISO 8601. A date leaves out the whole day.', size=None),
        ),
        migrations.AddField(
            model_name='rule',
            name='on_move',
            field=models.CharField(choices=[('follow', 'follow: what is planned moves along'), ('keep', 'keep: what is planned stays, and what comes after it follows')], db_default='follow', default='follow', help_text='What becomes of what is planned for an entity whose zone or date changes.', max_length=8),
        ),
        migrations.AddField(
            model_name='rule',
            name='rdates',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Put in besides: dates or local times in ISO 8601, such as 2030-12-24 or 2030-12-24T18:00.', size=None),
        ),
        migrations.AddField(
            model_name='rule',
            name='roll',
            field=models.CharField(choices=[('skip', 'skip'), ('previous', 'previous'), ('next', 'next')], db_default='skip', default='skip', help_text='What falls on a closed day is skipped, or moves to the previous or the next open one.', max_length=8),
        ),
        migrations.AddField(
            model_name='rule',
            name='spacing',
            field=models.DurationField(db_default=datetime.timedelta(0), default=datetime.timedelta(0), help_text='At least so far from one another.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='timed_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, help_text='Since when its moments are what they are: when it was made, or they were last edited.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='window',
            field=models.DurationField(blank=True, help_text='Fire at random within so long after each moment: 8:00:00 from 09:00 on is until 17:00.', null=True),
        ),
        migrations.AlterField(
            model_name='rule',
            name='local_time',
            field=models.TimeField(blank=True, help_text='The time of day, local. A cron expression has its own.', null=True),
        ),
        migrations.AlterField(
            model_name='rule',
            name='rrule',
            field=models.CharField(blank=True, help_text='RFC 5545, such as FREQ=MONTHLY;BYDAY=1MO; several: one on a line. Empty: once.', max_length=2000),
        ),
        migrations.CreateModel(
            name='Calendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('closed_weekdays', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, default=list, help_text='Weekdays that are always closed; 0 is Monday, 6 Sunday.', size=None)),
                ('country', models.CharField(blank=True, help_text='Whose public holidays are closed: ISO 3166, such as DE.', max_length=3)),
                ('subdivision', models.CharField(blank=True, help_text='A part of the country with holidays of its own, such as BY.', max_length=40)),
                ('ics', models.TextField(blank=True, help_text='iCalendar text whose events are closed days.')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.CheckConstraint(condition=models.Q(('subdivision', ''), ('country__gt', ''), _connector='OR'), name='calendar_subdivision_of_a_country', violation_error_message='Name the country as well.'), models.CheckConstraint(condition=models.Q(('closed_weekdays__contained_by', [0, 1, 2, 3, 4, 5, 6])), name='calendar_weekdays_known', violation_error_message='Weekdays go from 0 (Monday) to 6 (Sunday).')],
            },
        ),
        migrations.AddField(
            model_name='rule',
            name='calendar',
            field=models.ForeignKey(blank=True, help_text='Whose closed days are kept free.', null=True, on_delete=django.db.models.deletion.PROTECT, to='events.calendar'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('every_from__in', ['start', 'completion'])), name='rule_every_from_known'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('on_move__in', ['follow', 'keep'])), name='rule_on_move_known'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('roll__in', [events.timing.business_days.Roll['SKIP'], events.timing.business_days.Roll['PREVIOUS'], events.timing.business_days.Roll['NEXT']])), name='rule_roll_known'),
        ),
    ]
