from django.db import migrations, models

SQL = """
-- What a channel sent and nobody has taken in yet: one row a request, sealed under a key of its own (a row of subject_key
-- under the same id), which goes with the row. Ids grow with time, so they are the order of arrival.
create table inbox (
    id uuid primary key,
    channel smallint not null,
    at timestamptz not null default clock_timestamp(),
    messages integer not null check (messages > 0),   -- those not seen before
    fresh smallint[],                                 -- their places in what was sent; null: all of them
    sealed bytea not null,
    tries smallint not null default 0
);
create index inbox_channel on inbox (channel, id);

-- Messages that were acknowledged, as keyed digests: one that is sent again within a week is answered, and not taken twice.
create table inbox_seen (
    token uuid primary key,
    day date not null default current_date
);
create index inbox_seen_day on inbox_seen using brin (day);

-- What came under names that no field has: names of properties, never values.
create table inbox_unread (
    channel smallint not null,
    name text not null check (length(name) <= 60),
    messages bigint not null,
    last_at timestamptz not null default clock_timestamp(),
    primary key (channel, name)
);
"""


class Migration(migrations.Migration):
    dependencies = [("collect", "0002_batches_in_parts"), ("vault", "0001_initial")]

    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ChannelTerms",
            fields=[
                ("channel", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("controller", models.PositiveSmallIntegerField()),
                ("basis", models.CharField(max_length=24)),
                ("notice", models.PositiveSmallIntegerField()),
                ("residence", models.CharField(default="", max_length=6)),
                ("consents", models.JSONField(default=dict, help_text="a sender's name of a consent to our purpose")),
                ("fields", models.JSONField(default=dict, help_text="a sender's name of a property to our field")),
                ("by", models.UUIDField()),
                ("at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.RemoveConstraint(model_name="import", name="import_state_known"),
        migrations.RemoveConstraint(model_name="import", name="one_unfinished_import_of_the_same"),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "running", "failed", "open", "done", "undone", "erased"))),
                name="import_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("waiting", "running", "failed", "open"))),
                fields=("fingerprint",),
                name="one_unfinished_import_of_the_same",
            ),
        ),
    ]
