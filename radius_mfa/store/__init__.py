"""Accounts, tokens, codes and keys at rest: SQLAlchemy Core tables, and SQLite under them."""
