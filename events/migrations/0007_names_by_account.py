"""What would lock a table while it is read is done beside the work: no transaction around it."""

from django.db import migrations, models


def by_account(table: str, name: str, columns: str) -> list[migrations.RunSQL]:
    """A unique constraint whose index is built beside the work."""
    return [
        migrations.RunSQL(
            f'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "{name}" ON "{table}" ({columns}) NULLS NOT DISTINCT',
            f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"',
        ),
        migrations.RunSQL(
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" UNIQUE USING INDEX "{name}"',
            f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"',
        ),
    ]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0006_accounts_groups_and_given_moments'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                *by_account('events_entity', 'entity_once_per_account', '"owner_id", "kind", "external_id"'),
                *by_account('events_rule', 'rule_once_per_account', '"owner_id", "name"'),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name='entity',
                    constraint=models.UniqueConstraint(fields=('owner', 'kind', 'external_id'), name='entity_once_per_account', nulls_distinct=False, violation_error_message='An entity of this kind and external id already exists.'),
                ),
                migrations.AddConstraint(
                    model_name='rule',
                    constraint=models.UniqueConstraint(fields=('owner', 'name'), name='rule_once_per_account', nulls_distinct=False, violation_error_message='There is a rule of this name.'),
                ),
            ],
        ),
    ]
