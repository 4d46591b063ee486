"""What would lock a table while it is read is done beside the work: no transaction around it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0009_words_of_refusals'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='groupitem',
            index=models.Index(condition=models.Q(('key__gt', '')), fields=['key', 'group'], name='group_item_by_key'),
        ),
    ]
