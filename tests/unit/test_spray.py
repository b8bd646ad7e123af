"""A spray: many accounts, each tried a little."""

from __future__ import annotations

from radius_mfa.auth.model import ClientPolicy
from radius_mfa.auth.reasons import Reason
from radius_mfa.spray import AT_A_CLIENT, EVERYWHERE, IN_ALL, QUIET, WINDOW, Spray
from tests.unit.driving import PBX, request


def noticed(spray: Spray, names: range, now: float = 0.0, client: ClientPolicy = PBX, every: float = 0.1) -> list[str]:
    found: list[str] = []
    for index, number in enumerate(names):
        refused = request(client=client, name=b"user%d" % number)
        found += spray.note(refused, Reason.WRONG_PASSWORD, now + every * index)
    return found


def test_ten_thousand_accounts_tried_once_each_are_noticed_within_a_minute() -> None:
    """At the client and over all, and then not again for ten minutes, however long it goes on."""
    assert ["pbx", EVERYWHERE] == noticed(Spray(), range(5999))


def test_it_is_told_again_when_it_goes_on() -> None:
    """After ten minutes, once."""
    spray = Spray()
    noticed(spray, range(100))
    assert [] == noticed(spray, range(100), QUIET - WINDOW)
    assert ["pbx", EVERYWHERE] == noticed(spray, range(100), QUIET + WINDOW)


def test_one_account_is_no_spray() -> None:
    """However often it is tried."""
    spray = Spray()
    for _ in range(1000):
        assert [] == noticed(spray, range(1))


def test_a_busy_morning_is_no_spray() -> None:
    """Fewer names in a minute, and those of the minute before do not count."""
    spray = Spray()
    assert [] == noticed(spray, range(AT_A_CLIENT - 1))
    assert [] == noticed(spray, range(100, 100 + AT_A_CLIENT - 1), WINDOW)


def test_many_clients_with_a_few_names_each_are_a_spray_over_all() -> None:
    """Who goes from client to client is noticed as well."""
    spray, found = Spray(), list[str]()
    for number in range(IN_ALL):
        found += noticed(spray, range(number, number + 1), number / 10, ClientPolicy(f"gear{number}"))
    assert [EVERYWHERE] == found


def test_who_gets_in_is_not_counted() -> None:
    """Only refusals of a first factor, and wrong codes."""
    spray = Spray()
    for reason in (Reason.OK, Reason.CODE_MISSING, Reason.STALE_CODE, Reason.NOT_ALLOWED):
        assert [] == [
            client for number in range(100) for client in spray.note(request(name=b"%d" % number), reason, 0.0)
        ]


def test_no_name_is_kept() -> None:
    """Numbers, and no more of them than make a spray."""
    spray = Spray()
    noticed(spray, range(5000))
    assert {AT_A_CLIENT, IN_ALL} == {len(seen.names) for seen in spray._seen.values()}
