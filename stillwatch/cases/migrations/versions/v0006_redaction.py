"""Entries of the ledger may lose what they say of an account that is forgotten, and nothing else.

What was said stays hashed: `verify` takes an entry's hash on trust where a later entry, `redact`,
names it and the digest of what it says now.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_REFUSAL = "the ledger is append-only"
_KEPT = ("seq", "at", "actor", "act", "subject", "prev", "hash")
_MARK = "[forgotten]"


def upgrade() -> None:
    """From a ledger that refused every change."""
    if op.get_bind().dialect.name == "sqlite":
        same = " and ".join(f"new.{name} is old.{name}" for name in _KEPT)
        op.execute("drop trigger ledger_no_update")
        op.execute(
            f"create trigger ledger_no_update before update on ledger "
            f"when not ({same} and instr(new.detail, '{_MARK}') > 0) "
            f"begin select raise(abort, '{_REFUSAL}'); end"
        )
        return
    same = " and ".join(f"new.{name} = old.{name}" for name in _KEPT)
    op.execute(
        f"""create or replace function ledger_refuse() returns trigger language plpgsql as $$
    begin
      if tg_level = 'ROW' and tg_op = 'UPDATE' then
        if {same} and position('{_MARK}' in new.detail) > 0 then return new; end if;
      end if;
      raise exception '{_REFUSAL}';
    end $$"""
    )
