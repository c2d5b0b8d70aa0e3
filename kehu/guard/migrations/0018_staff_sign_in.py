"""Second factors, sessions and links of staff; a change of post, of password or of the account ends what was open."""

from django.db import migrations, models

SQL = """
create table staff_session (
    credential uuid primary key references actor_state (actor) on delete cascade,   -- the sign-in
    claim uuid,                         -- the purpose claimed under it last
    staff uuid not null references guard_staff (id) on delete cascade,
    place text not null,                -- the network it came from, its last part left out
    browser text not null,              -- kind of browser and system
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    known boolean not null,             -- the browser was there before, with this account
    counted bytea not null,             -- what wrong codes are counted under, as wrong passwords are
    whole_at timestamptz                -- null: the password was right, the second factor is still asked for
);
create index staff_session_staff on staff_session (staff);

create table staff_recovery_code (
    staff uuid not null references guard_staff (id) on delete cascade,
    digest bytea not null check (octet_length(digest) = 32),
    used_at timestamptz,
    primary key (staff, digest)
);

create table staff_passkey (
    id bytea primary key check (octet_length(id) between 1 and 1023),
    staff uuid not null references guard_staff (id) on delete cascade,
    public_key bytea not null,          -- COSE
    sign_count bigint not null default 0,
    name text not null check (length(name) between 1 and 60),
    made_at timestamptz not null default clock_timestamp(),
    used_at timestamptz
);
create index staff_passkey_staff on staff_passkey (staff);

create table staff_challenge (
    credential uuid primary key references actor_state (actor) on delete cascade,
    challenge bytea not null,
    adds boolean not null,              -- a new passkey, or one that is shown
    at timestamptz not null default clock_timestamp()
);

create table staff_link (
    digest bytea primary key check (octet_length(digest) = 32),
    staff uuid not null references guard_staff (id) on delete cascade,
    made_at timestamptz not null default clock_timestamp(),
    until timestamptz not null,
    used_at timestamptz
);

-- Whoever leaves, moves to another post or gets another password is out at once: of every window and every token.
create function post_ends_credentials() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    update actor_state set revoked_at = clock_timestamp()
        where staff = new.id and actor <> new.id and revoked_at is null;
    update actor_state set role = new.role, department = new.department_id, active = new.is_active where actor = new.id;
    return null;
end $$;
create trigger guard_staff_post after update of is_active, role, department_id, password on guard_staff
    for each row when ((old.is_active, old.role, old.department_id, old.password)
        is distinct from (new.is_active, new.role, new.department_id, new.password))
    execute function post_ends_credentials();
"""
BACK = """
drop trigger guard_staff_post on guard_staff; drop function post_ends_credentials();
drop table staff_link; drop table staff_challenge; drop table staff_passkey; drop table staff_recovery_code;
drop table staff_session;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0017_retirement")]
    operations = [
        migrations.AddField("staff", "totp_pending", models.BinaryField(null=True)),
        migrations.RunSQL(SQL, BACK),
    ]
