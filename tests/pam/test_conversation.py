"""What the person sees, what the daemon hears, what the modules after us find."""

from __future__ import annotations

import json

import pytest

from tests.pam.host import HELLO, NEEDS_HOOK, SUCCESS, Host, octets, repeated, vectors

pytestmark = [
    *NEEDS_HOOK,
]
PASSWORD = b"PROMPT\tpassword\tPassword: \n"
CODE = b"PROMPT\thidden\tCode: \n"
DENIED = b"RESULT\tdenied\n"
FROM_HOOK = vectors("from_hook.txt")


def test_a_password_and_a_code_let_in(host: Host) -> None:
    """Two prompts, two answers, success, and nothing left open."""
    host.stack(host.hook())
    with host.daemon(HELLO + PASSWORD, CODE, SUCCESS) as daemon:
        said = host.login("correct horse", "123456")
    assert ("success", [b"hidden Password: ", b"hidden Code: "], 0) == (said.result, said.shown, said.files_left)
    assert [b"ANSWER\tcorrect horse\n", b"ANSWER\t123456\n"] == daemon.only[1:]


def test_a_user_without_a_name_is_asked_for_it(host: Host) -> None:
    """An application that does not know the user lets PAM ask; the daemon hears the name, and is not kept waiting."""
    host.stack(host.hook("timeout=1"))
    with host.daemon(HELLO + CODE, SUCCESS) as daemon:
        said = host.login("@slow", "123456", user="-")
    assert ("success", 2) == (said.result, len(said.shown))
    assert daemon.only[0].startswith(b"HELLO\t1\tsshd\t@slow\t")


def test_texts_are_shown_as_they_are(host: Host) -> None:
    """Information, errors and visible prompts reach the application; a percent sign is a percent sign."""
    host.stack(host.hook())
    turn = b"INFO\tGr%C3%BC%C3%9Fe: 100 %25n\nERROR\tWrong code\nPROMPT\tvisible\tCode %25s: \n"
    with host.daemon(HELLO + turn, SUCCESS):
        said = host.login("123456")
    assert ["info Grüße: 100 %n", "error Wrong code", "visible Code %s: "] == [line.decode() for line in said.shown]


def test_silence_is_kept(host: Host) -> None:
    """With PAM_SILENT the daemon is told so, and nothing is shown but prompts."""
    host.stack(host.hook())
    with host.daemon(HELLO + b"INFO\tHello\nERROR\tOh\n" + CODE, SUCCESS) as daemon:
        said = host.login("123456", options=["-q"])
    assert ("success", [b"hidden Code: "]) == (said.result, said.shown)
    assert daemon.only[0].endswith(b"\task\tsilent\n")


def test_the_password_is_what_other_modules_find(host: Host) -> None:
    """PAM_AUTHTOK is the password that was typed, not the code after it."""
    host.stack(host.hook(), host.neighbour("show"))
    with host.daemon(HELLO + PASSWORD, CODE, SUCCESS):
        assert b"info authtok horse" in host.login("horse", "123456").shown


def test_a_code_is_no_password(host: Host) -> None:
    """Where only a code was asked for, PAM_AUTHTOK stays unset."""
    host.stack(host.hook(), host.neighbour("show"))
    with host.daemon(HELLO + CODE, SUCCESS):
        assert b"info authtok -" in host.login("123456").shown


@pytest.mark.parametrize("option", ["use_first_pass", "try_first_pass"])
def test_a_password_given_before_is_not_asked_for(host: Host, option: str) -> None:
    """With a first pass the daemon gets the password of the module before; the person is asked for the code."""
    host.stack(host.neighbour("give=horse"), host.hook(option), host.neighbour("show"))
    with host.daemon(HELLO + PASSWORD, CODE, SUCCESS) as daemon:
        said = host.login("123456")
    assert [b"hidden Code: ", b"info authtok horse"] == said.shown
    assert [b"ANSWER\thorse\n", b"ANSWER\t123456\n"] == daemon.only[1:]
    assert daemon.only[0].endswith(b"\t%b\t\n" % option[:3].encode())


def test_without_a_first_pass_option_the_person_is_asked(host: Host) -> None:
    """A password that is known is not sent unless the stack says so."""
    host.stack(host.neighbour("give=horse"), host.hook())
    with host.daemon(HELLO + PASSWORD, SUCCESS) as daemon:
        assert [b"hidden Password: "] == host.login("another").shown
    assert [b"ANSWER\tanother\n"] == daemon.only[1:]


def test_a_wrong_first_pass_is_asked_for_again_with_try(host: Host) -> None:
    """try_first_pass: the second question goes to the person, and what is typed replaces the password."""
    host.stack(host.neighbour("give=mule"), host.hook("try_first_pass"), host.neighbour("show"))
    with host.daemon(HELLO + PASSWORD, PASSWORD, SUCCESS) as daemon:
        assert [b"hidden Password: ", b"info authtok horse"] == host.login("horse").shown
    assert [b"ANSWER\tmule\n", b"ANSWER\thorse\n"] == daemon.only[1:]


@pytest.mark.parametrize("given", [[], ["give=mule"]], ids=["missing", "wrong"])
def test_nobody_is_asked_with_use(host: Host, given: list[str]) -> None:
    """use_first_pass: without a password, or with a wrong one, the login is denied."""
    host.stack(*(host.neighbour(option) for option in given), host.hook("use_first_pass"))
    with host.daemon(HELLO + PASSWORD, PASSWORD, SUCCESS):
        said = host.login("horse", "horse")
    assert ("auth_err", []) == (said.result, said.shown)


def test_try_without_a_password_asks(host: Host) -> None:
    """try_first_pass with no module before: the daemon is told that the person is asked."""
    host.stack(host.hook("try_first_pass"))
    with host.daemon(HELLO + PASSWORD, SUCCESS) as daemon:
        assert "success" == host.login("horse").result
    assert daemon.only[0].endswith(b"\task\t\n")


@pytest.mark.parametrize("given", [True, False])
def test_the_password_again_is_told_as_such(host: Host, given: bool) -> None:
    """Who answers the code prompt with the password, of ours or of a module before, shows no prompts: SAME."""
    stack = [host.neighbour("give=horse")] if given else []
    host.stack(*stack, host.hook())
    turns = [HELLO + CODE] if given else [HELLO + PASSWORD, CODE]
    with host.daemon(*turns, DENIED) as daemon:
        said = host.login(*(["horse"] * len(turns)))
    assert "auth_err" == said.result
    assert b"SAME\n" == daemon.only[-1]


def test_no_password_is_no_password_again(host: Host) -> None:
    """An empty answer after an empty password is an empty answer."""
    host.stack(host.hook())
    with host.daemon(HELLO + PASSWORD, CODE, DENIED) as daemon:
        host.login("", "")
    assert [b"ANSWER\t\n"] * 2 == daemon.only[1:]


def test_the_password_twice_where_it_is_asked_for_twice_is_an_answer(host: Host) -> None:
    """SAME is for other prompts than that of the password."""
    host.stack(host.hook())
    with host.daemon(HELLO + PASSWORD, PASSWORD, DENIED) as daemon:
        host.login("horse", "horse")
    assert [b"ANSWER\thorse\n"] * 2 == daemon.only[1:]


@pytest.mark.parametrize("verdict", ["success", "denied"])
def test_no_answer_stays_in_memory(host: Host, verdict: str) -> None:
    """No code is left in the memory of the application at the next prompt, and no password at the end."""
    host.stack(host.hook())
    answers = ["one code and more than anybody would type", "another code, just as long as the one before",
               "correct horse battery staple, correct horse"]  # fmt: skip
    with host.daemon(HELLO + CODE, CODE, PASSWORD, b"RESULT\t%b\n" % verdict.encode()) as daemon:
        said = host.login(*(text[::-1] for text in answers), options=["-m"])
    assert [b"ANSWER\t%b\n" % text.encode() for text in answers] == daemon.only[1:]
    assert [b"copies 0"] * 5 == [line for line in said.output if line.startswith(b"copies")]


def test_a_person_may_take_longer_than_the_daemon(host: Host) -> None:
    """1.2 seconds at the prompt with timeout=1: the time of the person is not the daemon's."""
    host.stack(host.hook("timeout=1"))
    with host.daemon(HELLO + CODE, SUCCESS):
        assert "success" == host.login("@slow").result


def test_a_delay_holds_a_failure_back(host: Host) -> None:
    """DELAY is PAM's fail delay: libpam waits for about so long, after the hook has hung up."""
    host.stack(host.hook())
    with host.daemon(HELLO + b"DELAY\t1000\n" + DENIED):
        said = host.login()
    assert "auth_err" == said.result
    assert said.milliseconds >= 500


def test_a_line_may_come_in_pieces(host: Host) -> None:
    """A daemon whose lines arrive octet by octet is understood."""
    host.stack(host.hook())
    with host.daemon(HELLO + PASSWORD, CODE, SUCCESS, manner="octets"):
        assert "success" == host.login("horse", "123456").result


@pytest.mark.parametrize(("name", "kind", "value", "line"), [v for v in FROM_HOOK if v[1] == "hello"])
def test_the_hook_says_who_wants_in(host: Host, name: str, kind: str, value: str, line: str) -> None:
    """Of the facts of each vector the hook makes its line."""
    facts = {key: fact.encode("latin-1") if isinstance(fact, str) else fact
             for key, fact in json.loads(repeated(value)).items()}  # fmt: skip
    service = facts.get("service", b"sshd").decode()
    first_pass = facts.get("first_pass", b"ask").decode()
    host.stack(
        host.neighbour("give=horse"), host.hook(*([] if first_pass == "ask" else [f"{first_pass}_first_pass"])),
        service=service,
    )  # fmt: skip
    flags = {"rhost": "-r", "tty": "-t", "ruser": "-u", "proven_keys": "-k"}
    options = [part for key, flag in flags.items() if key in facts for part in (flag, facts[key])]
    with host.daemon(HELLO + DENIED) as daemon:
        host.login(user=facts.get("user", "alice"), service=service,
                   options=[*options, *(["-q"] if facts.get("silent") else [])])  # fmt: skip
    assert [octets(line)] == daemon.only


@pytest.mark.parametrize(("name", "kind", "value", "line"), [v for v in FROM_HOOK if v[1] == "answer"])
def test_the_hook_says_what_was_typed(host: Host, name: str, kind: str, value: str, line: str) -> None:
    """Of each answer the hook makes its line."""
    host.stack(host.hook())
    with host.daemon(HELLO + CODE, DENIED) as daemon:
        host.login(octets(value))
    assert octets(line) == daemon.only[1]


def test_a_key_that_is_too_long_is_none(host: Host) -> None:
    """A key can only spare a code: one that does not fit is not told, and the login goes on."""
    host.stack(host.hook())
    with host.daemon(HELLO + SUCCESS) as daemon:
        assert "success" == host.login(options=["-k", "k" * 4097]).result
    assert [b"HELLO\t1\tsshd\talice\t\t\t\t\task\t\n"] == daemon.only


def test_a_key_comes_from_the_application_alone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSH_AUTH_INFO_0 of the process, which a user of sudo can set, is not read."""
    monkeypatch.setenv("SSH_AUTH_INFO_0", "publickey ssh-ed25519 AAAA")
    host.stack(host.hook())
    with host.daemon(HELLO + SUCCESS) as daemon:
        host.login()
    assert [b"HELLO\t1\tsshd\talice\t\t\t\t\task\t\n"] == daemon.only
