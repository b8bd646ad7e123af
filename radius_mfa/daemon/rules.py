"""The configuration as the rules of a login and the table of RADIUS clients need it."""

from __future__ import annotations

from radius_mfa.auth.model import Algorithm, ClientPolicy, DeviceKind, Dialogue, Mfa, ReplyRule
from radius_mfa.auth.policy import Enrolment, Names, NotEnrolled, Rules, TrustRules
from radius_mfa.auth.throttle import Lockout
from radius_mfa.auth.tries import TryLimits
from radius_mfa.radius.attributes import encode
from radius_mfa.radius.clients import Client, Clients
from radius_mfa.radius.secret import SharedSecret
from radius_mfa.settings import Secrets, Settings
from radius_mfa.settings.clients import Client as ClientSettings


def rules(settings: Settings) -> Rules:
    """What the rules of a login need to know."""
    accounts, mfa = settings.accounts, settings.mfa
    return Rules(
        names=Names(accounts.case == "fold", frozenset(accounts.realms), frozenset(accounts.domains)),
        required=mfa.required == "all" if isinstance(mfa.required, str) else mfa.required.groups,
        not_enrolled=NotEnrolled(mfa.not_enrolled),
        window=mfa.totp.window,
        look_ahead=mfa.hotp.look_ahead,
        state_lifetime=mfa.state_lifetime,
        enrolment=enrolment(settings),
        lockout=lockout(settings),
        trust=TrustRules(mfa.trusted_devices.lifetime, mfa.trusted_devices.max),
        mails=settings.mail is not None,
        low=mfa.recovery_codes.low,
        newcomers=any(backend.type == "pam" for backend in settings.passwords.backends),
    )


def enrolment(settings: Settings) -> Enrolment:
    """How an account comes to its first token."""
    given, totp = settings.enrollment, settings.mfa.totp
    return Enrolment(
        expires=given.expires,
        prompt=given.prompt,
        resend_after=given.resend_after,
        per_day=given.per_day,
        per_minute=given.per_minute,
        content=given.mail,
        digits=totp.digits,
        algorithm=Algorithm(totp.algorithm),
        period=int(totp.period),
    )


def lockout(settings: Settings) -> Lockout:
    """When wrong codes lock an account."""
    given = settings.mfa.lockout
    return Lockout(given.after, given.for_, given.per_window, given.window, given.disable_after)


def try_limits(settings: Settings) -> TryLimits:
    """How many wrong passwords are looked at."""
    given = settings.passwords.throttle
    return TryLimits(given.after, given.account, given.window, given.known_every)


def clients(settings: Settings, secrets: Secrets) -> Clients:
    """The RADIUS clients with their secrets and what the rules need to know of them."""
    return Clients(
        Client(
            shortname=client.shortname,
            network=client.ipaddr,
            index=index,
            policy=client_policy(client),
            secret=SharedSecret(secrets.clients[client.shortname]),
            require_message_authenticator=client.require_message_authenticator,
            vendor=settings.mfa.trusted_devices.vendor,
        )
        for index, client in enumerate(settings.clients)
    )


def client_policy(client: ClientSettings) -> ClientPolicy:
    """What the rules need to know of one client; its reply attributes are encoded here, once."""
    return ClientPolicy(
        shortname=client.shortname,
        dialogue=Dialogue(client.dialogue),
        always_challenge=client.always_challenge,
        mfa=Mfa(client.mfa),
        groups=client.groups,
        replies=tuple(ReplyRule(rule.groups, encode(rule.attributes), dict(rule.attributes)) for rule in client.reply),
        trusted_devices=None if client.trusted_devices == "off" else DeviceKind(client.trusted_devices),
    )
