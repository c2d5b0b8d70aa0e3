"""The ledger and the gate's decisions: append-only by grant and by trigger.

Default privileges hand out UPDATE and DELETE, so every table here revokes first and then grants
what is needed, column by column: with a table-wide INSERT, ``OVERRIDING SYSTEM VALUE`` would
let the application forge ``seq``, ``xid`` and ``at``.
"""

from django.db import migrations

SQL = """
create table actor_state (
    actor uuid primary key,             -- a credential: sign-in, token, or the home's owner
    staff uuid not null,
    human uuid not null,
    role text not null,
    department smallint not null,
    active boolean not null default true,
    agreement_until timestamptz,
    training_until timestamptz,
    second_factor_at timestamptz,
    purpose smallint,                   -- a token's only purpose; null = any the role may claim
    expires_at timestamptz,
    revoked_at timestamptz
);
create index actor_state_staff on actor_state (staff);

create table gate_decision (
    id bytea primary key check (octet_length(id) = 32),   -- sha256(ask || 0x1e || actor facts || 0x1e || state)
    ask text not null,
    actor text not null,
    state text not null,
    answer jsonb not null,
    categories smallint[] not null,     -- the only ciphertexts this decision lets out
    finds boolean not null,             -- whether the subject may be named in a list
    mac bytea not null,
    at timestamptz not null default clock_timestamp()
);

create table ledger_entry (
    seq bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    entry uuid not null,
    actor uuid not null,
    human uuid not null,
    department smallint not null,
    purpose smallint,
    action smallint not null,
    decision bytea not null,
    detail uuid,                        -- import, linkage run, request or certificate it belongs to
    subjects integer not null,
    jurisdictions smallint[] not null,
    reach integer[] not null,           -- subjects under each of the five packs, and under none
    commitments bytea not null,
    mac bytea not null
);
alter table ledger_entry alter commitments set storage external;
create index ledger_entry_human on ledger_entry (human, at);
create index ledger_entry_purpose on ledger_entry (purpose, at);
create index ledger_entry_xid on ledger_entry (xid);

create table ledger_use (
    subject uuid not null,
    seq bigint not null,
    position integer not null,
    primary key (subject, seq)
);

create table ledger_leaf (
    index bigint primary key,
    seq bigint not null unique,
    hash bytea not null check (octet_length(hash) = 32)
);
create table ledger_tile (
    level smallint not null,
    index bigint not null,
    hashes bytea not null check (octet_length(hashes) = 8192),
    primary key (level, index)
);
create table ledger_checkpoint (
    size bigint primary key,
    root bytea not null check (octet_length(root) = 32),
    note text not null,
    at timestamptz not null default clock_timestamp()
);

create trigger gate_decision_append_only before update or delete or truncate on gate_decision
    for each statement execute function refuse_change();
create trigger ledger_entry_append_only before update or delete or truncate on ledger_entry
    for each statement execute function refuse_change();
create trigger ledger_leaf_append_only before update or delete or truncate on ledger_leaf
    for each statement execute function refuse_change();
create trigger ledger_tile_append_only before update or delete or truncate on ledger_tile
    for each statement execute function refuse_change();
create trigger ledger_checkpoint_append_only before update or delete or truncate on ledger_checkpoint
    for each statement execute function refuse_change();

revoke all on gate_decision, ledger_entry, ledger_use, ledger_leaf, ledger_tile, ledger_checkpoint
    from kehu_app, kehu_sequencer, public;
grant select on gate_decision, ledger_entry, ledger_use, ledger_leaf, ledger_tile, ledger_checkpoint to kehu_app;
grant insert (id, ask, actor, state, answer, categories, finds, mac) on gate_decision to kehu_app;
grant insert (entry, actor, human, department, purpose, action, decision, detail, subjects, jurisdictions, reach,
    commitments, mac) on ledger_entry to kehu_app;
grant insert on ledger_use to kehu_app;
grant select on ledger_entry, ledger_leaf, ledger_tile, ledger_checkpoint, gate_decision to kehu_sequencer;
grant insert on ledger_leaf, ledger_tile, ledger_checkpoint to kehu_sequencer;

-- Erasure takes a subject's rows out of the look-up; leaves, counts and proofs handed out stay valid.
create function forget_subject_uses(who uuid) returns bigint
    language sql security definer set search_path = public, pg_temp as $$
    with gone as (delete from ledger_use where subject = who returning 1) select count(*) from gone
$$;
revoke all on function forget_subject_uses(uuid) from public;
grant execute on function forget_subject_uses(uuid) to kehu_app;
"""


class Migration(migrations.Migration):
    dependencies = [("guard", "0001_initial"), ("vault", "0001_initial")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
