"""Sources: third parties and public places that data comes from, as a register of its own; and who was told of it.

A source is a change of the register like a purpose (migration 0007): proposed by one person, let through by another. What is
in force of it stands in ``govern_source``, which the checked read and an import look at; this table takes nothing but what
an approved change says. Stopping a source takes only, so one person is enough; it runs again with another approval.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

SQL = """
create function check_source() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    change govern_change;
begin
    if tg_op = 'UPDATE' then
        if new.id <> old.id or new.name <> old.name or new.kind <> old.kind then
            raise exception 'a source stays the source it is' using errcode = 'check_violation';
        end if;
        if new.change_id = old.change_id then
            if old.stopped_at is null and new.stopped_at is not null and new.stopped_by is not null
                    and (to_jsonb(new) - 'stopped_at' - 'stopped_by') = (to_jsonb(old) - 'stopped_at' - 'stopped_by') then
                return new;
            end if;
            raise exception 'a source is changed by an approved change' using errcode = 'check_violation';
        end if;
    end if;
    select * into change from govern_change where id = new.change_id and register = 'source';
    if change.id is null or change.name <> new.name or register_in_force('source', new.name) is distinct from new.change_id
            or new.stopped_at is not null or change.content ->> 'kind' <> new.kind
            or change.content ->> 'country' <> new.country or change.content -> 'numbers' <> new.purposes
            or change.content -> 'fields' <> new.fields or (change.content ->> 'until')::date is distinct from new.until
            or (coalesce(change.content ->> 'proof', '') <> '') <> new.proved
            or (coalesce(change.content ->> 'obtained', '') <> '') <> new.obtained then
        raise exception 'a source is what its approved change says' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger govern_source_checked before insert or update on govern_source
    for each row execute function check_source();
create trigger govern_source_stays before delete or truncate on govern_source
    for each statement execute function refuse_register_change();
create trigger govern_sourceaudit_append_only before update or delete or truncate on govern_sourceaudit
    for each statement execute function refuse_register_change();
revoke all on govern_source, govern_sourceaudit from kehu_app, kehu_sequencer, public;
grant select, insert, update on govern_source to kehu_app;
grant select, insert on govern_sourceaudit to kehu_app;

-- Of whom something came from a source: {"of": {source: {"at", "by", "told", "for", "agreed"}}, "own": true}
-- at, by: days it came and by which they are told; told: the day they were, absent until then; for, agreed: purposes, where
-- it was brought in for some only, or they agreed with the source to some only; own: something came from themselves, too.
alter table subject_state add column supplied jsonb;
alter table subject_state add column inform_by date;   -- the earliest day by which they are to be told; null: nothing is open
create index subject_state_inform on subject_state (inform_by) where inform_by is not null;
"""
UNDO = """
alter table subject_state drop column inform_by, drop column supplied;
drop function check_source cascade;
"""


class Migration(migrations.Migration):
    dependencies = [("govern", "0010_channel_country")]

    operations = [
        migrations.RemoveConstraint("change", "change_register_known"),
        migrations.AddConstraint(
            "change",
            models.CheckConstraint(
                condition=models.Q(("register__in", ["purpose", "notice", "source"])), name="change_register_known"
            ),
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.SmallAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60, unique=True)),
                ("kind", models.CharField(max_length=12)),
                ("country", models.CharField(max_length=2)),
                ("purposes", models.JSONField()),
                ("fields", models.JSONField()),
                ("until", models.DateField(null=True)),
                ("proved", models.BooleanField()),
                ("obtained", models.BooleanField()),
                ("stopped_at", models.DateTimeField(null=True)),
                ("stopped_by", models.UUIDField(null=True)),
                (
                    "change",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="govern.change"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["third-party", "public"])), name="source_kind_known"
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="SourceAudit",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("on", models.DateField()),
                ("outcome", models.CharField(max_length=14)),
                ("note", models.CharField(blank=True, max_length=500)),
                ("by", models.UUIDField()),
                ("at", models.DateTimeField(db_default=Now())),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="audits", to="govern.source"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["passed", "with-measures", "failed"])),
                        name="source_audit_outcome_known",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Informed",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("subject", models.UUIDField(db_index=True)),
                ("source", models.SmallIntegerField()),
                ("way", models.CharField(max_length=8)),
                ("language", models.CharField(blank=True, max_length=8)),
                ("by", models.UUIDField()),
                ("at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("way__in", ["email", "post", "other"])), name="informed_way_known"
                    ),
                ]
            },
        ),
        migrations.RunSQL(SQL, UNDO),
    ]
