"""What would lock a large table for long is done beside the work: no transaction around it."""

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0002_recovery_by_policy'),
    ]

    operations = [
        ValidateConstraint(model_name='occurrence', name='occurrence_only_claimable_is_held'),
        AddIndexConcurrently(
            model_name='occurrence',
            index=models.Index(condition=models.Q(('state', 'UNKNOWN')), fields=['rule'], name='occurrence_unknown'),
        ),
    ]
