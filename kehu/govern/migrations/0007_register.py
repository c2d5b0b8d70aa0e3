"""The register of purposes and notices: changes and what became of them, append-only, each step checked here.

A change is in force where it shipped (only the schema's owner can say so) or where its approval stands. An approval
stands only if somebody else than the proposer, of the right office, gave it, the change was written against what is in
force, and, where it widens a use, an impact assessment came before it. Whether it widens is computed here, too, from the
two contents: the application cannot say otherwise, nor put a temporary table in the place of one of these. A notice is a row only with its approved change behind it.
"""

from uuid import UUID

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models.functions import Now

from kehu.govern.purposes import shipped
from kehu.govern.slugs import PURPOSES

RULES = """
-- The parts under which a new version of a purpose reaches further; the same rule as kehu/govern/widening.py.
create function purpose_widens(was jsonb, becomes jsonb) returns text[] language sql immutable
    set search_path = public, pg_temp as $$
    select array_remove(array[
        case when not (was -> 'least') @> (becomes -> 'least') then 'least' end,
        case when not (was -> 'recipients') @> (becomes -> 'recipients') then 'recipients' end,
        case when not (was -> 'countries') @> (becomes -> 'countries') then 'countries' end,
        case when was -> 'grounds' <> becomes -> 'grounds' then 'grounds' end,
        case when was -> 'kind' <> becomes -> 'kind' then 'kind' end,
        case when not (was -> 'roles') @> (becomes -> 'roles') then 'roles' end,
        case when jsonb_array_length(was -> 'departments') > 0 and (jsonb_array_length(becomes -> 'departments') = 0
            or not (was -> 'departments') @> (becomes -> 'departments')) then 'departments' end,
        case when (becomes ->> 'retention_days')::int > (was ->> 'retention_days')::int then 'retention_days' end,
        case when (becomes ->> 'automated')::boolean and not (was ->> 'automated')::boolean then 'automated' end
    ], null)
$$;

-- Every part is there and of its form: a missing one would compare as unknown, and so as no widening.
create function purpose_is_whole(content jsonb) returns boolean language sql immutable
    set search_path = public, pg_temp as $$
    select jsonb_typeof(content) = 'object'
        and (select bool_and(coalesce(jsonb_typeof(content -> part), '') = kind) from (values
            ('kind', 'string'), ('label', 'object'), ('description', 'object'), ('roles', 'array'),
            ('departments', 'array'), ('least', 'array'), ('grounds', 'object'), ('recipients', 'array'),
            ('countries', 'array'), ('retention_days', 'number'), ('automated', 'boolean')) as wanted (part, kind))
        and (select bool_and(jsonb_typeof(word) = 'string') is not false from (values ('roles'), ('departments'),
            ('least'), ('recipients'), ('countries')) as lists (part),
            lateral jsonb_array_elements(case when jsonb_typeof(content -> part) = 'array' then content -> part
                else '[]' end) word)
$$;

-- The newest change in force of a purpose or notice.
create function register_in_force(which text, what text) returns uuid language sql stable
    set search_path = public, pg_temp as $$
    select c.id from govern_change c where c.register = which and c.name = what and (c.shipped
        or exists (select 1 from govern_step s where s.change_id = c.id and s.kind = 'approved'))
    order by c.version desc, c.revision desc limit 1
$$;

-- One at a time for each purpose or notice, so that nothing comes in force between a check and its row.
create function register_lock(which text, what text) returns void language sql volatile
    set search_path = public, pg_temp as $$
    select pg_advisory_xact_lock(hashtext('register ' || which || ' ' || what))
$$;

create function register_owner() returns boolean language sql stable
    set search_path = public, pg_temp as $$
    select current_user = pg_get_userbyid(relowner) from pg_class where oid = 'govern_change'::regclass
$$;

create function check_change() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    held govern_change;
begin
    perform register_lock(new.register, new.name);
    if new.shipped then
        if not register_owner() then
            raise exception 'only the owner of the schema registers what ships' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    new.proposed_at := clock_timestamp();
    if new.base_id is distinct from register_in_force(new.register, new.name) then
        raise exception 'the change was not written against what is in force' using errcode = 'check_violation';
    end if;
    if exists (select 1 from govern_change c where c.register = new.register and c.name = new.name and not c.shipped
            and not exists (select 1 from govern_step s where s.change_id = c.id and s.kind <> 'assessed')) then
        raise exception 'another change of it is open' using errcode = 'check_violation';
    end if;
    select * into held from govern_change where id = new.base_id;
    if new.register = 'purpose' then
        if held.id is null or not purpose_is_whole(new.content) then
            raise exception 'no whole version of a known purpose' using errcode = 'check_violation';
        end if;
        if new.meaning or cardinality(purpose_widens(held.content, new.content)) > 0 then
            if new.version <= held.version then
                raise exception 'a wider use needs a new version' using errcode = 'check_violation';
            end if;
        elsif new.version <> held.version or new.revision <= held.revision then
            raise exception 'what widens nothing is a revision of its version' using errcode = 'check_violation';
        end if;
    elsif held.id is not null and new.version <= held.version then
        raise exception 'a notice has a new version' using errcode = 'check_violation';
    end if;
    return new;
end $$;

create function check_step() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    change govern_change;
    base govern_change;
    assessment jsonb;
begin
    select * into change from govern_change where id = new.change_id;
    if change.id is null or change.shipped then
        raise exception 'no such proposal' using errcode = 'check_violation';
    end if;
    perform register_lock(change.register, change.name);
    new.at := clock_timestamp();
    if exists (select 1 from govern_step s where s.change_id = new.change_id and s.kind <> 'assessed') then
        raise exception 'the proposal has ended' using errcode = 'check_violation';
    end if;
    if new.kind = 'withdrawn' and new."by" <> change.proposed_by then
        raise exception 'a proposal is withdrawn by who made it' using errcode = 'check_violation';
    end if;
    if new.kind in ('approved', 'refused') and (new."by" = change.proposed_by or new.role not in ('privacy', 'legal')) then
        raise exception 'another person of the privacy or legal office decides' using errcode = 'check_violation';
    end if;
    if new.kind = 'refused' and coalesce(btrim(new.content ->> 'reason'), '') = '' then
        raise exception 'a refusal has its reason' using errcode = 'check_violation';
    end if;
    if new.kind = 'assessed' and (coalesce(new.content ->> 'outcome', '') not in ('acceptable', 'with-measures', 'not-acceptable')
            or coalesce(new.content ->> 'risk', '') not in ('low', 'medium', 'high')
            or (new.content ->> 'on')::date > (clock_timestamp() at time zone 'UTC')::date + 1
            or coalesce(new.content ->> 'on', '') = ''
            or (new.content ->> 'outcome' = 'with-measures' and coalesce(btrim(new.content ->> 'measures'), '') = '')) then
        raise exception 'an assessment has its day, risk, outcome and measures' using errcode = 'check_violation';
    end if;
    if new.kind <> 'approved' then
        return new;
    end if;
    if change.base_id is distinct from register_in_force(change.register, change.name) then
        raise exception 'another version came in force since' using errcode = 'check_violation';
    end if;
    select * into base from govern_change where id = change.base_id;
    if change.register = 'purpose' and (change.meaning or cardinality(purpose_widens(base.content, change.content)) > 0) then
        select s.content into assessment from govern_step s
            where s.change_id = change.id and s.kind = 'assessed' order by s.at desc limit 1;
        if coalesce(assessment ->> 'outcome', 'not-acceptable') = 'not-acceptable' then
            raise exception 'no impact assessment lets it come in force' using errcode = 'check_violation';
        end if;
    end if;
    return new;
end $$;

create function check_notice() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    change govern_change;
    approval timestamptz;
begin
    if new.shipped then
        if not register_owner() then
            raise exception 'only the owner of the schema registers what ships' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    select * into change from govern_change where id = new.change_id and register = 'notice';
    select s.at into approval from govern_step s where s.change_id = new.change_id and s.kind = 'approved';
    if approval is null or change.name <> new.name or change.version <> new.version
            or change.content -> 'texts' <> new.texts or change.content -> 'covers' <> new.covers
            or (select coalesce(jsonb_agg(k::int order by k::int), '[]') from jsonb_object_keys(new.covers) k) <> new.purposes
            or new.in_force_from < approval then
        raise exception 'a notice is what its approved change says, from then on' using errcode = 'check_violation';
    end if;
    return new;
end $$;

create function refuse_register_change() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    raise exception 'the register is append-only' using errcode = 'insufficient_privilege';
end $$;

create trigger govern_change_checked before insert on govern_change for each row execute function check_change();
create trigger govern_step_checked before insert on govern_step for each row execute function check_step();
create trigger govern_notice_checked before insert on govern_notice for each row execute function check_notice();
create trigger govern_change_append_only before update or delete or truncate on govern_change
    for each statement execute function refuse_register_change();
create trigger govern_step_append_only before update or delete or truncate on govern_step
    for each statement execute function refuse_register_change();
create trigger govern_notice_append_only before update or delete or truncate on govern_notice
    for each statement execute function refuse_register_change();
revoke all on govern_change, govern_step, govern_notice from kehu_app, kehu_sequencer, public;
grant select, insert on govern_change, govern_step, govern_notice to kehu_app;
"""
UNDO = """
drop trigger govern_notice_append_only on govern_notice;
drop trigger govern_notice_checked on govern_notice;
drop function check_step, check_change, check_notice, refuse_register_change cascade;
drop function purpose_widens, purpose_is_whole, register_in_force, register_lock, register_owner;
"""


def keep_shipped_notice(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The notices there are came with the installation; each tells of the purposes it named, as shipped."""
    made, changes = apps.get_model("govern", "Notice"), apps.get_model("govern", "Change")
    held = {PURPOSES[slug]: (version, content["least"]) for slug, (version, content) in shipped().items()}
    for row in made.objects.order_by("id"):
        row.covers = {str(n): {"version": held[n][0], "fields": held[n][1]} for n in row.purposes if n in held}
        row.shipped = True
        row.change = changes.objects.create(
            id=UUID(int=(1 << 100) | row.id), register="notice", name=row.name, version=row.version, shipped=True,
            content={"texts": row.texts, "covers": row.covers, "from": None},
        )  # fmt: skip
        row.save()


class Migration(migrations.Migration):
    dependencies = [("govern", "0006_separate_consents_and_subscriptions")]
    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("register", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=60)),
                ("version", models.PositiveSmallIntegerField()),
                ("revision", models.PositiveSmallIntegerField(default=0)),
                ("base", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="govern.change")),
                ("content", models.JSONField()),
                ("meaning", models.BooleanField(default=False)),
                ("reason", models.TextField(blank=True)),
                ("proposed_by", models.UUIDField(null=True)),
                ("proposed_at", models.DateTimeField(db_default=Now())),
                ("shipped", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("register", "name", "version", "revision"), name="one_change_per_version"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("register__in", ["purpose", "notice"])), name="change_register_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("shipped", True), ("proposed_by__isnull", False), _connector="OR"),
                        name="a_change_has_somebody_behind_it",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=10)),
                ("by", models.UUIDField()),
                ("role", models.CharField(max_length=20)),
                ("content", models.JSONField(default=dict)),
                ("at", models.DateTimeField(db_default=Now())),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="govern.change"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["assessed", "approved", "refused", "withdrawn"])),
                        name="step_kind_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "assessed"), _negated=True),
                        fields=("change",),
                        name="a_change_ends_once",
                    ),
                ]
            },
        ),
        migrations.AddField("notice", "covers", models.JSONField(default=dict, db_default={})),
        migrations.AddField("notice", "shipped", models.BooleanField(default=False, db_default=False)),
        migrations.AddField(
            "notice",
            "change",
            models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, to="govern.change"),
        ),
        migrations.RunPython(keep_shipped_notice, migrations.RunPython.noop),
        migrations.AlterField(
            "rules",
            "digest",
            models.BinaryField(help_text="rules that come back come back under the digest they had"),
        ),
        migrations.RunSQL(RULES, UNDO),
    ]
