"""Files that other programs keep their authenticators in; which kind a file is shows in its text."""

from __future__ import annotations

from radius_mfa.cli.token_files import csv_table, freeradius_users, google_authenticator, oath_users, otpauth_uris
from radius_mfa.cli.token_files.entry import Reading

KINDS = (
    (otpauth_uris.recognises, otpauth_uris.read),
    (google_authenticator.recognises, google_authenticator.read),
    (oath_users.recognises, oath_users.read),
    (csv_table.recognises, csv_table.read),
    (freeradius_users.recognises, freeradius_users.read),
)
"""The sure signs first: a users file of FreeRADIUS may begin with anything."""


def read(text: str) -> Reading:
    """The tokens of a file, or its mistakes: never neither. No mistake quotes the file, which is full of secrets."""
    for recognises, reader in KINDS:
        if recognises(text):
            found = reader(text)
            return found if found.entries or found.mistakes else Reading([], [(1, "there is no token in this file")])
    return Reading([], [(1, "this is no kind of file that tokens are read from")])
