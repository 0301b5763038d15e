"""Runs a command as somebody at a terminal would: with a pseudo-terminal as its stdin and stdout.

usage: terminal.py COMMAND [ARGUMENT...]

The OpenStack command lines take anything else on stdin for the data of an image. What the command prints on the
terminal goes to stdout, its stderr stays apart, its exit code is ours. When this process ends, the command gets a
hang-up.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

# Wide enough that no table is folded.
ROWS_AND_COLUMNS = struct.pack('HHHH', 50, 1000, 0, 0)


def main():
    stderr = os.dup(2)
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, ROWS_AND_COLUMNS)
        os.dup2(stderr, 2)
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as error:
            os.write(2, f'{sys.argv[1]}: {error.strerror}\n'.encode())
            os._exit(127)
    while True:
        try:
            output = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            break
        if not output:
            break
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == '__main__':
    sys.exit(main())
