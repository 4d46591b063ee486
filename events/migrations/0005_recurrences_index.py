"""What would lock a table while it is read is done beside the work: no transaction around it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0004_recurrences_and_calendars'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='rule',
            index=models.Index(condition=models.Q(('every_from', 'completion'), models.Q(('state', 'retired'), _negated=True)), fields=['id'], name='rule_after_completion'),
        ),
    ]
