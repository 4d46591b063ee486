"""Expands alone: a record of what is dropped on purpose, and how the tables of many moves are vacuumed."""

from django.db import migrations, models

# In shares of the table the defaults wait for ever longer, the more is stored: at ten million rows for two million dead
# ones. Vacuum passes over indexes where few pages are concerned, so looking early costs little.
SETTINGS = {
    'events_occurrence': {
        'autovacuum_vacuum_scale_factor': '0.02',
        'autovacuum_vacuum_threshold': '5000',
        'autovacuum_vacuum_insert_scale_factor': '0.05',
        'autovacuum_analyze_scale_factor': '0.05',
    },
    'events_attempt': {
        'autovacuum_vacuum_scale_factor': '0.02',
        'autovacuum_vacuum_threshold': '5000',
        'autovacuum_vacuum_insert_scale_factor': '0.05',
        'autovacuum_analyze_scale_factor': '0.05',
    },
}


def vacuumed(table: str, settings: dict[str, str]) -> migrations.RunSQL:
    given = ', '.join(f'{name} = {value}' for name, value in settings.items())
    return migrations.RunSQL(
        f'ALTER TABLE {table} SET ({given})', f'ALTER TABLE {table} RESET ({", ".join(settings)})'
    )


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0010_group_items_by_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='Retention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('log', 'log: the moves made before an instant'), ('rows', 'rows: occurrences that ended before an instant, and their attempts')], max_length=4)),
                ('before', models.DateTimeField(help_text='What is older was dropped.')),
                ('dropped', models.BigIntegerField(help_text='How many moves, by estimate, or how many occurrences.')),
                ('dropped_at', models.DateTimeField()),
                ('actor', models.CharField(max_length=200)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.AddConstraint(
            model_name='retention',
            constraint=models.CheckConstraint(condition=models.Q(('what__in', ['log', 'rows'])), name='retention_what_known'),
        ),
        *(vacuumed(table, settings) for table, settings in SETTINGS.items()),
    ]
