"""Contracts: from here on two accounts may use one name. Processes of the release before this one can claim, run and
plan as ever, but no longer create or import entities and rules: stop its web processes and imports first.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0007_names_by_account'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='entity',
            name='entity_once_per_kind',
        ),
        migrations.AlterField(
            model_name='rule',
            name='name',
            field=models.CharField(max_length=200),
        ),
    ]
