"""What Alembic runs: the revisions, on the connection and in the transaction that store/upgrade.py hands over."""

from __future__ import annotations

from alembic import context

from radius_mfa.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
