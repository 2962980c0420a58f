"""`python -m tests.benchmarks NAME …`: one of the benchmarks; `--help` behind its name says what it takes."""

import sys
from importlib import import_module

NAMES = {
    "registration": "registrations a second beside the floor, and beside other servers with --peers",
    "growth": "what a registration costs as clients, rules and connections grow",
    "decision": "microseconds of a decision for each shipping client, and milliseconds to load the shipped policies",
    "cel": "microseconds of an expression beside other implementations",
    "store": "commits a second of the store alone",
    "limits": "registrations a second under one hot limit",
}


def main() -> None:
    """Run what the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(__doc__, *(f"  {name:14}{what}" for name, what in NAMES.items()), sep="\n")
        sys.exit(2)
    name = sys.argv.pop(1)
    import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
