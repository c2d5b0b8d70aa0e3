from django.db import migrations, models
from django.db.models import F, Q

SQL = """
-- What a visitor sent and a mailbox or a guardian has not confirmed yet: sealed under a key of its own (a row of subject_key
-- under the same id), which goes with it. It is no record: nothing finds it, and nothing rests on it.
create table form_waiting (
    id uuid primary key,
    form uuid not null,
    at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    guardian boolean not null,          -- a guardian's mailbox confirms
    sealed bytea,                       -- null: confirmed, and handed on
    sent_at timestamptz,                -- when the letter went out
    check (sealed is not null or sent_at is not null)
);
create index form_waiting_ends on form_waiting (expires_at);

-- Submissions of a day as keyed digests of where they came from and which mailbox they named: so many and no more.
create table form_try (
    at timestamptz not null default clock_timestamp(),
    client bytea not null,
    address bytea
);
create index form_try_client on form_try (client, at);
create index form_try_address on form_try (address, at);

-- what was shown is what was consented to: a version stays as it is
create function refuse_form_change() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    raise exception 'a version of a form is never changed' using errcode = 'insufficient_privilege';
end $$;
create trigger forms_version_append_only before update or delete or truncate on forms_formversion
    for each statement execute function refuse_form_change();
revoke all on forms_formversion from kehu_app, kehu_sequencer, public;
grant select, insert on forms_formversion to kehu_app;
"""
UNDO = """
drop trigger forms_version_append_only on forms_formversion;
drop function refuse_form_change;
drop table form_try, form_waiting;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("collect", "0004_signed_channels"), ("vault", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Form",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=40, unique=True)),
                ("kind", models.CharField(max_length=10)),
                ("draft", models.JSONField()),
                ("drafted_by", models.UUIDField()),
                ("drafted_at", models.DateTimeField(auto_now=True)),
                ("published", models.PositiveSmallIntegerField(null=True)),
                ("channel", models.PositiveSmallIntegerField(help_text="made with the first version", null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("kind__in", ("form", "list", "survey"))), name="form_kind_known"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="FormVersion",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "form",
                    models.ForeignKey(on_delete=models.deletion.PROTECT, related_name="versions", to="forms.form"),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("content", models.JSONField()),
                ("notice", models.PositiveSmallIntegerField()),
                ("controller", models.PositiveSmallIntegerField()),
                ("basis", models.CharField(max_length=24)),
                ("covers", models.JSONField(help_text="version of each purpose, as the wording was written for it")),
                ("drafted_by", models.UUIDField()),
                ("published_by", models.UUIDField()),
                ("published_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("form", "number"), name="one_row_per_form_version"),
                    models.CheckConstraint(
                        condition=~Q(drafted_by=F("published_by")), name="a_form_is_published_by_another_person"
                    ),
                ]
            },
        ),
        migrations.RunSQL(SQL, UNDO),
    ]
