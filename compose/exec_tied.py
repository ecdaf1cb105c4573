"""Become another program that the kernel kills when its parent dies: python exec_tied.py PARENT PROGRAM [ARGUMENT ...].

A bare interpreter runs this file, so it costs milliseconds. The process id stays the same.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Request SIGKILL for the death of the parent, then become the program."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the request
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
