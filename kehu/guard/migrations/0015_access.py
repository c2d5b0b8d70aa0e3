"""Who may ask at all: the agreement signed, the training passed, the notice of watching acknowledged.

What somebody signs, passes or acknowledges moves the ends in their row of staff, and from there those of every credential
of theirs: here, so that no way into the tables leaves one of them behind.
"""

from django.db import migrations

SQL = """
alter table guard_staff add column watching_until timestamptz;
alter table actor_state add column watching_until timestamptz;
update guard_staff set watching_until = agreement_until;
update actor_state set watching_until = agreement_until;

create table access_text (
    kind text not null check (kind in ('agreement', 'watching')),
    version integer not null check (version > 0),
    texts jsonb not null check (texts ?& array['en', 'zh-hans', 'zh-hant']),
    digest bytea not null check (octet_length(digest) = 32),
    in_force_from timestamptz not null,
    published_by uuid,                  -- null: as shipped
    published_at timestamptz not null default clock_timestamp(),
    primary key (kind, version)
);

create table access_signature (
    number bigint generated always as identity primary key,
    staff uuid not null references guard_staff (id),
    kind text not null,
    version integer not null,
    digest bytea not null,              -- of what was read
    language text not null check (language in ('en', 'zh-hans', 'zh-hant')),
    at timestamptz not null default clock_timestamp(),
    foreign key (kind, version) references access_text (kind, version)
);
create index access_signature_staff on access_signature (staff, kind, version);

create table access_attempt (
    number bigint generated always as identity primary key,
    staff uuid not null references guard_staff (id),
    course text not null,
    version integer not null,
    right_answers integer not null check (right_answers >= 0),
    pass_mark integer not null check (pass_mark > 0),
    valid_days integer not null check (valid_days between 1 and 3650),
    at timestamptz not null default clock_timestamp()
);
create index access_attempt_staff on access_attempt (staff, course, at);

-- Versions follow one another; who has not signed the new one by its day is refused from then on.
create function check_access_text() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.version <> coalesce((select max(version) from access_text where kind = new.kind), 0) + 1 then
        raise exception 'versions follow one another' using errcode = 'check_violation';
    end if;
    if new.published_by is not null and new.in_force_from < clock_timestamp() - interval '1 minute' then
        raise exception 'it comes in force from now on' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger access_text_follows before insert on access_text for each row execute function check_access_text();

create function end_at_the_new_text() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.published_by is null then
        return null;
    elsif new.kind = 'agreement' then
        update guard_staff set agreement_until = new.in_force_from where agreement_until > new.in_force_from;
    else
        update guard_staff set watching_until = new.in_force_from where watching_until > new.in_force_from;
    end if;
    return null;
end $$;
create trigger access_text_ends after insert on access_text for each row execute function end_at_the_new_text();

-- When what is agreed or acknowledged now under a version ends: after its term, or with the day of a later version.
create function end_of_text(what text, signed integer, term interval) returns timestamptz
    language sql stable set search_path = public, pg_temp as $$
    select least(clock_timestamp() + term,
        (select min(t.in_force_from) from access_text t where t.kind = what and t.version > signed))
$$;

create function sign_access_text() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.digest is distinct from (select t.digest from access_text t where t.kind = new.kind and t.version = new.version)
        then raise exception 'another text was read' using errcode = 'check_violation';
    end if;
    if exists (select 1 from access_text t where t.kind = new.kind and t.version > new.version
        and t.in_force_from <= clock_timestamp()) then
        raise exception 'a later version is in force' using errcode = 'check_violation';
    end if;
    if new.kind = 'agreement' then
        update guard_staff set agreement_until = greatest(agreement_until,
            end_of_text('agreement', new.version, interval '365 days')) where id = new.staff;
    else
        update guard_staff set watching_until = greatest(watching_until,
            end_of_text('watching', new.version, interval '1095 days')) where id = new.staff;
    end if;
    return new;
end $$;
create trigger access_signature_counts before insert on access_signature
    for each row execute function sign_access_text();

-- A new account: whoever vouches for the agreement vouches for the notice, too; neither reaches over a later text's day.
create function staff_begins() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    new.watching_until := least(coalesce(new.watching_until, new.agreement_until), (select min(t.in_force_from)
        from access_text t where t.kind = 'watching' and t.in_force_from > clock_timestamp()
            and coalesce(new.watching_until, new.agreement_until) is not null));
    if new.agreement_until is not null then
        new.agreement_until := least(new.agreement_until, (select min(t.in_force_from) from access_text t
            where t.kind = 'agreement' and t.in_force_from > clock_timestamp()));
    end if;
    return new;
end $$;
create trigger guard_staff_begins before insert on guard_staff for each row execute function staff_begins();

create function credential_has_its_notice() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    new.watching_until := case when new.role = 'owner' then 'infinity'::timestamptz
        else (select s.watching_until from guard_staff s where s.id = new.staff) end;
    return new;
end $$;
create trigger actor_state_notice before insert on actor_state
    for each row execute function credential_has_its_notice();

create function conditions_reach_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set agreement_until = new.agreement_until, training_until = new.training_until,
        watching_until = new.watching_until where staff = new.id and role <> 'owner';
    return null;
end $$;
create trigger guard_staff_conditions after update of agreement_until, training_until, watching_until on guard_staff
    for each row when ((old.agreement_until, old.training_until, old.watching_until)
        is distinct from (new.agreement_until, new.training_until, new.watching_until))
    execute function conditions_reach_credentials();

create trigger access_text_append_only before update or delete or truncate on access_text
    for each statement execute function refuse_change();
create trigger access_signature_append_only before update or delete or truncate on access_signature
    for each statement execute function refuse_change();
create trigger access_attempt_append_only before update or delete or truncate on access_attempt
    for each statement execute function refuse_change();
revoke all on access_text, access_signature, access_attempt from kehu_app, kehu_sequencer, public;
grant select on access_text, access_signature, access_attempt to kehu_app;
grant insert (kind, version, texts, digest, in_force_from, published_by) on access_text to kehu_app;
grant insert (staff, kind, version, digest, language) on access_signature to kehu_app;
grant insert (staff, course, version, right_answers, pass_mark, valid_days) on access_attempt to kehu_app;
"""
BACK = """
drop trigger guard_staff_conditions on guard_staff; drop function conditions_reach_credentials();
drop trigger actor_state_notice on actor_state; drop function credential_has_its_notice();
drop trigger guard_staff_begins on guard_staff; drop function staff_begins();
drop table access_attempt; drop table access_signature; drop table access_text;
drop function sign_access_text(); drop function end_of_text(text, integer, interval);
drop function end_at_the_new_text(); drop function check_access_text();
alter table actor_state drop column watching_until; alter table guard_staff drop column watching_until;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0014_duty")]
    operations = [migrations.RunSQL(SQL, BACK)]
