"""Becomes another program that the kernel kills as soon as the process that started it is gone.

Usage: ``python die_with_parent.py PARENT_PID PROGRAM [ARGUMENT...]``
"""

# Why a program and not `preexec_fn`: that would run Python code between fork and exec, which may
# deadlock where the parent has threads (pytest-xdist and the tests' own ones). Why the kernel's
# parent-death signal and not `atexit` or a signal handler: neither runs when a test process is
# SIGKILLed (out of memory, a CI time limit), and a control plane left running costs a core.
# The setting survives execve because none of the programs is set-user-ID.

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def main() -> None:
    """Ask for SIGKILL at the parent's death, then execute the program.

    Raises:
        OSError: the kernel refused, or the program cannot be executed.
    """
    parent, program = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl(PR_SET_PDEATHSIG): {os.strerror(code)}")
    # A parent that died before the call above sends no signal any more.
    if os.getppid() != parent:
        sys.exit(f"the parent {parent} has gone already")
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
