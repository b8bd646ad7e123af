"""What no single value shows: keys that contradict each other.

The checks read the plain data, not the model, so that their findings stand in the same list as the mistakes in single
values. What they cannot make sense of they leave to the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from radius_mfa.settings.addresses import Endpoint, endpoint, network
from radius_mfa.settings.document import Loc

CheckReply = Callable[[Mapping[str, str]], list[tuple[str, str]]]
"""Given reply attributes: the keys that are wrong, each with what is wrong; settings do not know RADIUS themselves."""

Finding = tuple[Loc, str]


def check(data: Mapping[str, Any], check_reply: CheckReply | None) -> Iterator[Finding]:
    """Every contradiction, as the place of the key and what is wrong."""
    listed = enumerate(_list(data.get("clients")))
    clients: list[tuple[Loc, dict[str, Any]]] = [(("clients", i), one) for i, one in listed if isinstance(one, dict)]
    yield from _repeated(((*loc, "shortname"), client.get("shortname")) for loc, client in clients)
    yield from _repeated(((*loc, "ipaddr"), _read(network, client.get("ipaddr"))) for loc, client in clients)
    yield from _listen(data)
    yield from _backends(data)
    for loc, client in clients:
        yield from _dialogue(loc, client, data)
        yield from _reply((*loc, "reply"), client.get("reply"), check_reply)
    yield from _pam_services(data)
    yield from _login_to_mail(data)
    yield from _portal(data)


def _repeated(values: Iterable[tuple[Loc, object]]) -> Iterator[Finding]:
    seen: dict[object, Loc] = {}
    for loc, value in values:
        if value is None or isinstance(value, (dict, list)):
            continue
        if value in seen:
            *section, index = seen[value] if isinstance(seen[value][-1], int) else seen[value][:-1]
            yield loc, f"is the same as in {'.'.join(map(str, section))}[{index}]"
        seen.setdefault(value, loc)


def _listen(data: Mapping[str, Any]) -> Iterator[Finding]:
    texts = enumerate(_list(_map(data.get("listen")).get("radius")))
    endpoints = [(("listen", "radius", i), _read(endpoint, text)) for i, text in texts]
    yield from _repeated((loc, found) for loc, found in endpoints if isinstance(found, Endpoint) and found.port)


def _backends(data: Mapping[str, Any]) -> Iterator[Finding]:
    backends = _list(_map(data.get("passwords")).get("backends"))
    kinds = [(("passwords", "backends", i), _map(backend).get("type")) for i, backend in enumerate(backends)]
    yield from _repeated((loc, kind) for loc, kind in kinds if kind in {"local", "pam"})


def _dialogue(loc: Loc, client: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Finding]:
    dialogue = client.get("dialogue", "challenge")
    if dialogue in {"append", "both"} and str(client.get("always_challenge")).lower() in {"yes", "true"}:
        yield (*loc, "always_challenge"), "goes only with dialogue: challenge"
    backends = _list(_map(data.get("passwords")).get("backends"))
    if dialogue == "both" and any(_map(backend).get("type") == "pam" for backend in backends):
        yield (*loc, "dialogue"), "both would double failed logins at a pam backend: take challenge or append"


def _reply(loc: Loc, reply: object, check_reply: CheckReply | None) -> Iterator[Finding]:
    rules: list[tuple[Loc, object]] = [(loc, reply)] if isinstance(reply, dict) else []
    for index, rule in enumerate(_list(reply)):
        rules.append(((*loc, index, "attributes"), _map(rule).get("attributes")))
        if isinstance(rule, dict) and "groups" not in rule and index < len(_list(reply)) - 1:
            yield (*loc, index), "is for everyone, so no rule after it is reached: put it last, or give it groups"
    for place, attributes in rules:
        texts = {key: value for key, value in _map(attributes).items() if isinstance(value, str)}
        if check_reply and not ("attributes" in texts or "groups" in texts):
            yield from (((*place, key), message) for key, message in check_reply(texts))


def _pam_services(data: Mapping[str, Any]) -> Iterator[Finding]:
    for name, service in _map(_map(data.get("pam")).get("services")).items():
        given, loc = _map(service), ("pam", "services", name)
        if str(given.get("password", "yes")).lower() not in {"no", "false"}:
            continue
        if given.get("mfa") == "off":
            yield (*loc, "mfa"), "off beside password: no asks for nothing at all: leave out one of them"
        if given.get("trusted_devices", "off") != "off":
            yield (*loc, "trusted_devices"), "goes only with password: yes: a device is trusted beside a right password"


def _login_to_mail(data: Mapping[str, Any]) -> Iterator[Finding]:
    transport = _map(_map(data.get("mail")).get("transport"))
    for key, other in (("username", "password"), ("password", "username")):
        if key in transport and other not in transport and transport.get("type") == "smtp":
            yield ("mail", "transport", key), f"needs {other} beside it"


def _portal(data: Mapping[str, Any]) -> Iterator[Finding]:
    portal, listens = isinstance(data.get("portal"), dict), "portal" in _map(data.get("listen"))
    if listens and not portal:
        yield ("listen", "portal"), "needs the section portal with its url"
    if listens and portal:
        yield from _portal_tls(data)
        yield from _portal_proxies(data)
        yield from _portal_name(data)
    if _map(data.get("enrollment")).get("mail") == "link" and not (portal and listens):
        yield ("enrollment", "mail"), "link needs the portal (listen.portal and the section portal)"


def _portal_tls(data: Mapping[str, Any]) -> Iterator[Finding]:
    portal = _map(data.get("portal"))
    for key, other in (("certificate", "key"), ("key", "certificate")):
        if key in portal and other not in portal:
            yield ("portal", key), f"needs {other} beside it"
    place = _read(endpoint, _map(data.get("listen")).get("portal"))
    if isinstance(place, Endpoint) and not ip_address(place.host).is_loopback and "certificate" not in portal:
        yield (
            ("listen", "portal"),
            "without portal.certificate takes 127.0.0.1, [::1] or unix:/path: a proxy on this host ends TLS",
        )


def _portal_proxies(data: Mapping[str, Any]) -> Iterator[Finding]:
    for index, text in enumerate(_list(_map(data.get("portal")).get("trusted_proxies"))):
        if getattr(_read(network, text), "prefixlen", None) == 0:
            yield ("portal", "trusted_proxies", index), "believes everybody: name the addresses of the proxies"


def _portal_name(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Audit, notices and trusted devices name portal and API where they name a client."""
    for index, client in enumerate(_list(data.get("clients"))):
        if _map(client).get("shortname") in {"portal", "api"}:
            yield ("clients", index, "shortname"), "is a name of the portal in audit and devices: take another one"


def _read(read: Callable[[str], object], text: object) -> object:
    try:
        return read(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
