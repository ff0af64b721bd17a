"""The contract of a wrapper, as an agent behind it and whoever runs it see it."""

from __future__ import annotations

import signal

from ._agent import FORWARDED
from ._hosts import Host, agent, arguments, differences, said

ARGUMENTS = (
    "two words",
    "",
    " ",
    "quo\"te's",
    "new\nline\ttab",
    "\\ back\\\\slash",
    "ünï→😀",
    "*",
    "~",
    "`id` | cat; exit & <a >b",
    "HOME=x",
    "--",
    "-s",
    "-h",
    "--version",
    "x" * 20_000,
    "",
)
ENVIRONMENT = {
    "EMPTY": "",
    "SPACE": " ",
    "LINES": "one\ntwo",
    "QUOTES": "\"'\\",
    "UNICODE": "ünï→😀",
    "EQUALS": "=a=b=",
}


def test_an_agent_sees_nothing_but_what_it_sees_without_the_wrapper(host: Host) -> None:
    command, env = agent("describe")
    # It sees more arguments than it understands: those after the word are for the comparison alone.
    runs = [host.start([*command, *ARGUMENTS], env | ENVIRONMENT, wrapped=wrapped) for wrapped in (True, False)]
    wrapped, plain = (said(run, "started") for run in runs)
    latin = [each.encode().decode("latin-1") for each in ARGUMENTS]
    assert arguments(plain["argv"]) == latin
    assert differences(plain, wrapped) == {}


def test_standard_input_arrives_byte_for_byte(host: Host) -> None:
    data = bytes(each for each in range(256) if each != ord("\n")) + b"\n"
    run = host.start(*agent("read"), stdin=True)
    said(run, "waiting")
    run.type(data)
    assert said(run, "read")["data"].encode("latin-1") == data
    assert run.exit_code() == 0


def test_an_agent_has_the_terminal_to_itself(host: Host) -> None:
    run = host.start(*agent("use_terminal"), tty=True)
    assert said(run, "waiting")["foreground"], "the agent cannot read from the terminal"
    run.type(b"two words\r")
    assert said(run, "read")["data"] == "two words\n"
    run.type(b"\x03")
    assert said(run, "interrupted")
    assert run.exit_code() == 3


def test_exit_codes_arrive_as_they_are(host: Host) -> None:
    runs = {code: host.start(*agent("end", str(code))) for code in (0, 1, 42, 126, 127, 137, 143, 255)}
    assert {code: run.exit_code() for code, run in runs.items()} == {code: code for code in runs}


def test_an_end_by_a_signal_is_told_as_by_a_shell(host: Host) -> None:
    signals = (signal.SIGKILL, signal.SIGTERM)
    runs = {number + 128: host.start(*agent("die", str(int(number)))) for number in signals}
    assert {code: run.exit_code() for code, run in runs.items()} == {code: code for code in runs}


def test_signals_reach_the_agent_and_leave_it_time_to_finish(host: Host) -> None:
    run = host.start(*agent("listen", "2"))
    said(run, "waiting")
    for number in FORWARDED:
        run.send(number)
        assert said(run, number.name)
    assert said(run, "finished", after=2)
    assert run.exit_code() == 7


def test_orphans_are_reaped(host: Host, orphan_seconds: str) -> None:
    orphans = said(host.start(*agent("leave_orphans", orphan_seconds)), "orphans", after=float(orphan_seconds))
    assert orphans["made"] > float(orphan_seconds)
    assert orphans["zombies"] == 0


def test_it_ends_with_the_agent_though_an_orphan_lives_on(host: Host) -> None:
    assert host.start(*agent("leave_one_behind", "90")).exit_code() == 3


def test_a_program_that_is_not_there_is_a_failure(host: Host) -> None:
    assert host.start(["no-such-program"], {}).exit_code() != 0
