"""What a configuration file becomes."""

import ipaddress
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from radius_mfa.errors import AccessDenied, SettingsError
from radius_mfa.settings import Settings, effective, load, load_text, no_effect, notices, template, warnings

MINIMAL = """\
issuer: Example PBX
listen: {radius: ["127.0.0.1:0"]}
store: sqlite:////var/lib/radius-mfa/radius-mfa.db
master_key: {file: master.key}
clients:
  - {shortname: pbx, ipaddr: 192.0.2.10, secret: geheimgeheimgeheim}
"""
FILE = Path("/etc/radius-mfa/radius-mfa.yaml")
NOBODY = 65534


def loaded(extra: str = "") -> Settings:
    return load_text(MINIMAL + extra, FILE)


def client(lines: str) -> Settings:
    return load_text(MINIMAL.replace("secret: geheimgeheimgeheim}", f"secret: geheimgeheimgeheim, {lines}}}"), FILE)


@pytest.mark.parametrize(
    "text", ["no", "0123", "11:22:33:44:55:10", "1_000", "10:30", "2001-01-01", "0x10", "1e3", "~x"]
)
def test_a_scalar_keeps_its_text(text: str) -> None:
    """What YAML would resolve to a number, a date or a boolean arrives as it was written."""
    settings = load_text(MINIMAL.replace("geheimgeheimgeheim", text), FILE)

    assert text.encode() == settings.clients[0].secret.read()


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10.0), ("1.5m", 90.0), ("0.5m", 30.0), ("90s", 90.0), ("10m", 600.0)]
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    """A number and s, m, h or d become float seconds."""
    assert seconds == loaded(f"mfa: {{state_lifetime: {text}}}\n").mfa.state_lifetime


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("true", True), ("No", False), ("false", False)])
def test_a_flag_is_yes_or_no(text: str, value: bool) -> None:
    """yes, no, true and false in any case."""
    assert value is client(f"require_message_authenticator: {text}").clients[0].require_message_authenticator


def test_a_size_is_octets() -> None:
    """KiB and MiB become octets."""
    assert 64 << 20 == loaded("passwords: {hash_memory: 65536KiB}\n").passwords.hash_memory


def test_the_defaults_guard() -> None:
    """A file with the required keys alone asks everyone for a code and wants Message-Authenticator."""
    settings = loaded()

    assert "all" == settings.mfa.required
    assert settings.clients[0].require_message_authenticator
    assert "off" == settings.clients[0].trusted_devices
    assert None is settings.clients[0].groups


def test_relative_paths_start_at_the_file() -> None:
    """A relative path is relative to the directory of the configuration file."""
    settings = loaded("audit: {file: logs/audit.jsonl}\n")

    assert Path("/etc/radius-mfa/master.key") == settings.master_key.file
    assert Path("/etc/radius-mfa/logs/audit.jsonl") == settings.audit.file
    assert Path("/var/lib/radius-mfa/radius-mfa.db") == settings.database
    assert FILE == settings.path


def test_addresses_are_parsed() -> None:
    """Endpoints know their family, clients their network."""
    settings = load_text(MINIMAL.replace("192.0.2.10", "2001:db8::/32").replace('"127', '"[::1]:1812", "127'), FILE)

    assert [("::1", 1812), ("127.0.0.1", 0)] == list(settings.listen.radius)
    assert "[::1]:1812" == str(settings.listen.radius[0])
    assert ipaddress.ip_network("2001:db8::/32") == settings.clients[0].ipaddr


def test_any_client_is_written_out() -> None:
    """0.0.0.0/0 is taken where it is written with its prefix, and the start says so."""
    settings = load_text(MINIMAL.replace("192.0.2.10", "0.0.0.0/0"), FILE)

    assert "clients[0] (pbx): every IPv4 address may send" in warnings(settings)


def test_port_0_may_repeat() -> None:
    """Two sockets on port 0 of one address are two ports."""
    assert 2 == len(load_text(MINIMAL.replace('"127.0.0.1:0"', '"127.0.0.1:0", "127.0.0.1:0"'), FILE).listen.radius)


def test_reply_as_a_map_is_one_rule_for_everyone() -> None:
    """`reply: {A: v}` and a list of rules become the same shape."""
    (rule,) = client("reply: {Service-Type: 6}").clients[0].reply

    assert rule.groups is None
    assert {"Service-Type": "6"} == dict(rule.attributes)


def test_reply_as_a_list_keeps_its_order() -> None:
    """Rules by group stand in the order of the file."""
    first, second = client("reply: [{groups: [a, b], attributes: {X: no}}, {attributes: {Y: 1}}]").clients[0].reply

    assert frozenset({"a", "b"}) == first.groups
    assert {"X": "no"} == dict(first.attributes)
    assert second.groups is None


def test_settings_do_not_change() -> None:
    """A loaded configuration is frozen."""
    with pytest.raises(ValueError, match="frozen"):
        loaded().issuer = "other"


def test_nothing_shows_a_secret() -> None:
    """repr, str and `config show` mask a secret that stands in the file."""
    settings = loaded()

    assert "geheim" not in f"{settings!r} {settings} {effective(settings)}"
    assert "***" == effective(settings)["clients"][0]["secret"]
    assert {"file": "/etc/radius-mfa/master.key"} == effective(settings)["master_key"]


def test_the_effective_values_can_be_loaded_again() -> None:
    """What `config show` prints is a configuration of the same values."""
    settings = loaded("mfa: {required: {groups: [a]}, lockout: {for: 90s}}\n")
    shown = effective(settings)

    again = Settings.model_validate(shown)

    assert shown == effective(again)
    assert "90s" == shown["mfa"]["lockout"]["for"]
    assert ["127.0.0.1:0"] == shown["listen"]["radius"]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    """Without a file the message names init."""
    with pytest.raises(SettingsError, match="no such file \\(radius-mfa init writes one\\)"):
        load(tmp_path / "radius-mfa.yaml")


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"issuer: PBX\nuser: \xff\n", ":2:7: not UTF-8 text"),
        (b"issuer: P\x07BX\n", ":1:10: a control character"),
        (b"#" * (1 << 20) + b"\n", "larger than 1 MiB"),
        (b'issuer: "\\UFFFFFFFF"\n', ": this is not YAML"),
        (b"%YAML " + b"9" * 5000 + b".1\n---\nissuer: x\n", ": this is not YAML"),
        (b"[" * 100_000, "nested deeper"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, octets: bytes, said: str) -> None:
    """Octets that are no YAML text get a message with a place, not a traceback."""
    path = tmp_path / "radius-mfa.yaml"
    path.write_bytes(octets)

    with pytest.raises(SettingsError) as caught:
        load(path)

    assert said in str(caught.value)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """A path that is no file is a mistake in the command, not a crash."""
    with pytest.raises(SettingsError, match="is a directory"):
        load(tmp_path)


def test_a_file_of_somebody_else_is_a_matter_of_permission(tmp_path: Path) -> None:
    """Exit status 77, with what to do."""
    path = tmp_path / "radius-mfa.yaml"
    path.touch(0o000)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(AccessDenied) as caught:
            load(path)
    finally:
        os.seteuid(user)

    assert str(path) in caught.value.hint


def test_keys_without_effect_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says of each key that is set and not acted on that it has no effect, and of no other."""
    monkeypatch.setattr(notices, "_SECTIONS", ("passwords.remember", "mfa.hotp.look_ahead"))
    settings = loaded(
        "workers: 4\nlog: {level: debug}\n"
        "passwords: {throttle: {after: 3}, remember: 5m, backends: [{type: local}, {type: pam}]}\n"
        "pam: {services: {sshd: {trusted_devices: ssh-key}, sudo: {password: no}}}\n"
        "mfa: {lockout: {after: 3}, totp: {window: 0}}\n"
        "mail: {from: a@example.com, transport: {type: file, directory: /tmp}}\nenrollment: {per_day: 3}\n"
    )

    assert ["passwords.remember: no effect in this version"] == no_effect(settings)


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("", True),
        ("mfa: {not_enrolled: enroll}\n", True),
        ("mfa: {not_enrolled: reject}\n", False),
        ("mail: {from: a@example.com, transport: {type: file, directory: /tmp}}\n", False),
    ],
)
def test_enrolling_without_mail_is_warned_of(lines: str, warned: bool) -> None:
    """Where an invitation cannot be sent, the start says that users are kept out, and what lets them in."""
    line = "mfa.not_enrolled: accounts without an authenticator are rejected: a `mail` section lets them enrol"

    assert warned == (line in warnings(loaded(lines)))


@pytest.mark.parametrize(
    ("line", "warned"),
    [("trusted_devices: token", True), ("trusted_devices: calling-station", False), ("trusted_devices: off", False)],
)
def test_a_borrowed_vendor_number_is_warned_of(line: str, warned: bool) -> None:
    """The vendor number for documentation is named where device tokens cross under it, and nowhere else."""
    settings = client(line)

    assert [] == no_effect(settings)
    assert warned == any("32473" in one for one in warnings(settings))


def test_weak_choices_are_warned_of() -> None:
    """A short secret, no Message-Authenticator and an open door each get a line."""
    text = MINIMAL.replace("secret: geheimgeheimgeheim}", "secret: geheim, require_message_authenticator: no}")
    settings = load_text(text + "mfa: {required: none, not_enrolled: accept}\n", FILE)

    found = warnings(settings)

    assert 4 == len(found)
    assert "geheim" not in " ".join(found)


def problems(text: str) -> list[str]:
    """What is said of `text`; nothing where it loads."""
    try:
        load_text(text, FILE)
    except SettingsError as error:
        return error.problems or ["nothing was said"]
    return []


SHIPPED = template.shipped().replace("{file: secrets/localhost}", "geheimgeheimgeheim")


@profile(deadline=None)
@given(st.integers(0, len(SHIPPED)), st.integers(0, 40), st.text(max_size=10))
def test_a_damaged_file_loads_or_is_explained(place: int, length: int, other: str) -> None:
    """Whatever happens to the shipped file, it loads or SettingsError says why, without the secret."""
    said = problems(SHIPPED[:place] + other + SHIPPED[place + length :])

    assert "nothing was said" not in said
    assert "geheimgeheim" not in " ".join(said)


@profile(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-[]{},#&*!|>'\"%@`?~ \n\t0") | st.characters(), max_size=60))
def test_any_text_loads_or_is_explained(text: str) -> None:
    """Any text at all is a configuration or gets problems, never another exception."""
    assert problems(text) not in ([], ["nothing was said"])


@profile(deadline=None)
@given(st.text(alphabet="ghijk2{}[]=:,&*!'\"@ \n-", min_size=1, max_size=30))
def test_a_secret_in_any_wrong_form_is_not_repeated(text: str) -> None:
    """However the value of `secret` is mistyped, no message repeats a word of it."""
    assert "zqx7" not in " ".join(problems(MINIMAL.replace("geheimgeheimgeheim", f"zqx7{text}zqx7")))


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("", False),
        ("mfa: {required: none}\n", True),
        ("mfa: {required: {groups: [admins]}}\n", True),
        ("mfa: {not_enrolled: accept}\n", True),
    ],
)
def test_a_service_that_asks_for_a_code_alone_is_warned_of_where_not_everybody_owes_one(
    lines: str, warned: bool
) -> None:
    """Who owes none is asked for nothing there: what the stack has checked has to be enough."""
    line = "pam.services.sudo: whoever owes no code gets in with what the stack has checked alone"
    found = warnings(loaded("pam: {services: {sudo: {password: no}, su: {password: no, mfa: required}}}\n" + lines))
    assert warned == (line in found)
    assert not [one for one in found if one.startswith("pam.services.su:")]
