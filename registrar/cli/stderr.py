"""Where log lines go: to stderr, each in one call, and no thread waits for another to have written."""

import logging
import os
from typing import Final

_STDERR: Final = 2


class Stderr(logging.Handler):
    """Writes each record as one line to the file descriptor of stderr.

    `logging.StreamHandler` holds a lock while it writes, and lets go of the interpreter's: under load all threads wait for both.
    Here nothing is shared. The system keeps one write in one piece, for a pipe up to 4 KiB (pipe(7)).
    """

    def createLock(self) -> None:  # noqa: N802  the name is logging's
        """None is needed."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write it; what cannot be written is nobody's to be told: it was stderr."""
        try:
            line = memoryview(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
            while line:
                line = line[os.write(_STDERR, line) :]
        except OSError:
            pass
        except Exception:  # noqa: BLE001  logging's own rule: what a line breaks must not break the program
            self.handleError(record)
