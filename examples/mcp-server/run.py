"""Starts everything that a client needs: the registrar, and the MCP server with its authorization server. Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = str(HERE / "registrar.yaml")
REGISTRAR = [sys.executable, "-m", "registrar"]
# The token is printed once, and kept nowhere but in the memory of who uses it: each start makes one, for as long as a day.
CREATE_TOKEN = [*REGISTRAR, "token", "create", "authorization_server", "--name", "weather", "--expires-in", "1d"]


def main() -> int:
    """Run both until one ends or this process is told to; the exit code is not 0 when one ended by itself."""
    token = subprocess.run([*CREATE_TOKEN, "--config", CONFIG], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    children = [
        subprocess.Popen([sys.executable, str(HERE / "server.py")], env={**os.environ, "AS_TOKEN": token}),
        subprocess.Popen([*REGISTRAR, "serve", "--config", CONFIG]),
    ]
    asked: list[int] = []

    def stop(number: int, _frame: object) -> None:
        asked.append(number)
        for child in children:
            child.terminate()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    os.wait()  # until one ends, told to or not
    for child in children:
        child.terminate()
        child.wait()
    return 0 if asked else 1


if __name__ == "__main__":
    sys.exit(main())
