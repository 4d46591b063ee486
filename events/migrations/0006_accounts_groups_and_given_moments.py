"""Expands alone: the release before this one runs on the tables that it leaves, while no account has a key."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0005_recurrences_index'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text="What it is for, such as: the back end's.", max_length=100)),
                ('prefix', models.CharField(help_text='How it begins, so that its owner knows it again.', max_length=12)),
                ('digest', models.BinaryField(help_text='SHA-256 of the key.', max_length=32, unique=True)),
                ('scope', models.CharField(choices=[('read', 'read: look at everything of the account'), ('write', 'write: change it, too')], default='read', max_length=5)),
                ('per_minute', models.PositiveIntegerField(default=600, help_text='So many calls a minute, evenly spread.')),
                ('burst', models.PositiveIntegerField(default=100, help_text='So many calls at once, after a rest.')),
                ('spent_until', models.DateTimeField(help_text='The instant at which the calls made so far would be spread evenly (GCRA).', null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Group',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('item_count', models.PositiveIntegerField(default=0, help_text='How many messages it took, dropped ones too.')),
                ('item_bytes', models.PositiveBigIntegerField(default=0)),
                ('opened_at', models.DateTimeField()),
                ('sealed_at', models.DateTimeField(help_text='Since when it takes no more messages.', null=True)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='GroupItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(help_text='From 1, in the order in which they were taken.')),
                ('key', models.CharField(blank=True, help_text="The sender's own: a second message with it is the first one again.", max_length=255)),
                ('content', models.JSONField()),
                ('size', models.PositiveIntegerField(help_text='Bytes of its JSON.')),
                ('taken_at', models.DateTimeField()),
                ('dropped_at', models.DateTimeField(help_text='Since when a person wants it left out.', null=True)),
            ],
            options={
                'ordering': ('group', 'position'),
            },
        ),
        migrations.CreateModel(
            name='GroupType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity_kind', models.CharField(default='group', help_text="Of what kind the entity is that a group's key names.", max_length=50)),
                ('moves', models.CharField(choices=[('latest', 'latest: it moves later, never earlier'), ('earliest', 'earliest: it moves earlier, never later'), ('last', 'last: the last message says when'), ('keep', 'keep: the first message says when')], default='last', max_length=8)),
                ('max_wait', models.DurationField(blank=True, help_text='A group is dispatched so long after its first message at the latest.', null=True)),
                ('max_items', models.PositiveIntegerField(blank=True, help_text='With so many messages it is dispatched at once.', null=True)),
                ('max_bytes', models.PositiveIntegerField(default=1048576, help_text='With so many bytes of messages it is dispatched at once.')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'ordering': ('rule__name',),
            },
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('asked', models.BinaryField(help_text='SHA-256 of method, path and body.', max_length=32)),
                ('status', models.PositiveSmallIntegerField(help_text='Empty while the answer is being made.', null=True)),
                ('headers', models.JSONField(default=dict)),
                ('body', models.BinaryField(default=b'')),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='rule',
            name='rule_starts_somewhere',
        ),
        migrations.AddField(
            model_name='entity',
            name='owner',
            field=models.ForeignKey(blank=True, db_index=False, help_text="Whose account it is in. Empty: the operators'.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='occurrence',
            name='given',
            field=models.BooleanField(db_default=False, default=False, help_text='Its moment was given by itself, and comes from no recurrence: edits of its rule leave it.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='owner',
            field=models.ForeignKey(blank=True, db_index=False, help_text="Whose account it is in. Empty: the operators'.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rule',
            name='role',
            field=models.CharField(choices=[('rule', 'rule: its moments come from its recurrence'), ('reminder', 'reminder: a rule of one person, about a thought'), ('triggers', 'triggers: each of its moments is given with an event'), ('groups', 'groups: each of its moments is the end of a group of messages')], db_default='rule', default='rule', editable=False, max_length=8),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['rule', 'reminder', 'triggers', 'groups'])), name='rule_role_known'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('start_date__isnull', False), ('anchor__gt', ''), ('role__in', ('triggers', 'groups')), _connector='OR'), name='rule_starts_somewhere', violation_error_message='Give a start date, or an anchor.'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='group',
            name='occurrence',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='group', to='events.occurrence'),
        ),
        migrations.AddField(
            model_name='groupitem',
            name='group',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='events.group'),
        ),
        migrations.AddField(
            model_name='grouptype',
            name='rule',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='group_type', to='events.rule'),
        ),
        migrations.AddField(
            model_name='group',
            name='type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='groups', to='events.grouptype'),
        ),
        migrations.AddField(
            model_name='keptanswer',
            name='owner',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('scope__in', ['read', 'write'])), name='api_key_scope_known'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('per_minute__gte', 1), ('burst__gte', 1)), name='api_key_rate_positive'),
        ),
        migrations.AddConstraint(
            model_name='groupitem',
            constraint=models.UniqueConstraint(fields=('group', 'position'), name='group_item_once_per_position'),
        ),
        migrations.AddConstraint(
            model_name='groupitem',
            constraint=models.UniqueConstraint(condition=models.Q(('key__gt', '')), fields=('group', 'key'), name='group_item_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='grouptype',
            constraint=models.CheckConstraint(condition=models.Q(('moves__in', ['latest', 'earliest', 'last', 'keep'])), name='group_type_moves_known'),
        ),
        migrations.AddConstraint(
            model_name='grouptype',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('max_items', None), ('max_items__gte', 1), _connector='OR'), ('max_bytes__gte', 1)), name='group_type_limits_positive', violation_error_message='Limits are one or more.'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.UniqueConstraint(condition=models.Q(('sealed_at', None)), fields=('type', 'key'), name='group_open_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='group',
            constraint=models.CheckConstraint(condition=models.Q(('sealed_at', None), ('sealed_at__gte', models.F('opened_at')), _connector='OR'), name='group_sealed_after_opened'),
        ),
        migrations.AddIndex(
            model_name='keptanswer',
            index=models.Index(fields=['created_at'], name='kept_answer_age'),
        ),
        migrations.AddConstraint(
            model_name='keptanswer',
            constraint=models.UniqueConstraint(fields=('owner', 'key'), name='kept_answer_once_per_key'),
        ),
    ]
