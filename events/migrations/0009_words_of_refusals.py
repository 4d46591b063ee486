"""The words of two refusals; the database is left as it is."""

import datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0008_names_of_one_account_alone'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='rule',
            name='rule_tries_at_least_once',
            constraint=models.CheckConstraint(condition=models.Q(('max_attempts__gte', 1)), name='rule_tries_at_least_once', violation_error_message='Give one attempt at least.'),
        ),
        migrations.AlterConstraint(
            model_name='rule',
            name='rule_times_positive',
            constraint=models.CheckConstraint(condition=models.Q(('grace__gte', datetime.timedelta(0)), models.Q(('expires_after', None), ('expires_after__gt', datetime.timedelta(0)), _connector='OR')), name='rule_times_positive', violation_error_message='The grace must not be negative, and an expiry must be above zero.'),
        ),
    ]
