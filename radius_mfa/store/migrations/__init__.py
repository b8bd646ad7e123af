"""Alembic's migrations, run from code (store/upgrade.py): there is no alembic.ini."""
