"""`radius-mfa explain`: what a login would come to, and why, without one."""

from __future__ import annotations

from dataclasses import replace

import click

from radius_mfa.auth import claims, policy
from radius_mfa.auth.model import LOCAL, Account, Door, LoginRequest
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.tries import account_key
from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import canonical, settings_of
from radius_mfa.cli.decision import Decision
from radius_mfa.cli.facts import Situation, facts
from radius_mfa.cli.outcome import in_words, values
from radius_mfa.cli.root import Chosen, Command, json_option, only_one
from radius_mfa.daemon.rules import client_policy, rules, try_limits
from radius_mfa.errors import OperationFailed, UsageError
from radius_mfa.ports import Store
from radius_mfa.settings import Settings
from radius_mfa.settings.doors import PamService
from radius_mfa.store import devices
from radius_mfa.store.connection import connect_to_read
from radius_mfa.store.database import Database
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tries import AccountTries, tries_of

_DIGEST = bytes(32)
"""That of no datagram."""


@click.command(cls=Command)
@click.argument("name")
@click.option("--client", metavar="SHORTNAME", help="The RADIUS client that would ask.")
@click.option("--service", metavar="NAME", help="Or the PAM service of this host.")
@click.option("--calling-station", default="", metavar="ADDRESS", help="Where the person would sit.")
@json_option()
@click.pass_obj
def command(
    chosen: Chosen, name: str, client: str | None, service: str | None, calling_station: str, as_json: bool
) -> None:
    """Say what a login of NAME would come to, and why.

    The rules of the server judge a login with the right password, and then with a right code. Nothing is changed, and
    nobody is told. The status is 0 whatever comes of it.
    """
    if only_one(client=client is not None, service=service is not None) is None:
        raise UsageError("--client or --service is missing", "radius-mfa explain --help")
    settings = settings_of(chosen)
    request = (
        _over_pam(settings, service or "", calling_station)
        if client is None
        else _over_radius(settings, client, calling_station)
    )
    raw = name.encode("utf-8", "surrogateescape")
    with session.opened(settings, connect_to_read) as database:
        store = SqliteStore(database.path, database.keys, database.clock, connect_to_read)
        try:
            _explain(settings, database, store, replace(request, name=raw, at=database.clock.now()), as_json=as_json)
        finally:
            store.close()


def _explain(settings: Settings, database: Database, store: Store, request: LoginRequest, *, as_json: bool) -> None:
    account, judged = _account(settings, store, request), rules(settings)
    found = Decision(judged, store, (backend.type for backend in settings.passwords.backends))
    rounds = found.rounds(request, account)
    tries = tries_of(
        f"{settings.database}.shared", account_key(account.name, account.epoch), request.at, try_limits(settings)
    )
    situation = _situation(judged, tries, database, store, request, account)
    known = facts(situation)
    if as_json:
        output.as_json({name.replace(" ", "_"): fact.value for name, fact in known.items()} | values(rounds))
        return
    output.fields({name: fact.words for name, fact in known.items()} | in_words(situation, rounds))


def _over_radius(settings: Settings, shortname: str, station: str) -> LoginRequest:
    """A request of this client. Raises OperationFailed when there is none of that name."""
    for client in settings.clients:
        if client.shortname == shortname:
            source = str(client.ipaddr.network_address)
            made = LoginRequest(Door.RADIUS, client_policy(client), 0.0, None, None, _DIGEST, source)
            return replace(made, calling_station=station)
    raise OperationFailed(f"there is no client {shortname}", "see them with: radius-mfa client list")


def _over_pam(settings: Settings, name: str, station: str) -> LoginRequest:
    """A request of this service, configured or not: one that is not is served by the defaults."""
    from radius_mfa.daemon.pam import service_of  # brings asyncio

    chosen = service_of(name, settings.pam.services.get(name, PamService()))
    made = LoginRequest(Door.PAM, chosen.policy, 0.0, None, None, _DIGEST, station)
    return replace(made, first_factor=chosen.first_factor, service=name, rhost=station)


def _account(settings: Settings, store: Store, request: LoginRequest) -> Account:
    """The account as the rules will see it. Raises OperationFailed when there is none."""
    given = (request.name or b"").decode("utf-8", "surrogateescape")
    name = canonical(given, settings) or given
    account = store.load(name)
    if account is None:
        raise OperationFailed(f"there is no account {name}", _hint(settings))
    return policy.as_known(account, request)


def _hint(settings: Settings) -> str:
    see = "see them with: radius-mfa user list"
    newcomers = any(backend.type != LOCAL for backend in settings.passwords.backends)
    return f"{see} (a user of the host has one after the first right password)" if newcomers else see


def _situation(
    judged: Rules, tries: AccountTries, database: Database, store: Store, request: LoginRequest, account: Account
) -> Situation:
    client, shown = request.client, claims.claim(request)
    here = [
        row
        for row in devices.all_devices(database, account.name)
        if row.client == client.shortname and row.kind is client.trusted_devices
    ]
    return Situation(
        account,
        request,
        judged,
        devices=len(here),
        shown=None if shown is None else store.find_device(account.id, shown, request.digest),
        tries=tries,
    )
