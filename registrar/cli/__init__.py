"""The commands of `registrar`: they print and exit, and decide nothing."""

import click

import registrar
from registrar.cli.client import client
from registrar.cli.db import db
from registrar.cli.limits import limits
from registrar.cli.policy import policy
from registrar.cli.serve import serve
from registrar.cli.sweep import sweep
from registrar.cli.token import token

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(registrar.__version__, prog_name="registrar", message="%(prog)s %(version)s")
def main() -> None:
    """Admits OAuth clients (RFC 7591), decided by policies in YAML and CEL."""


main.add_command(client)
main.add_command(db)
main.add_command(limits)
main.add_command(policy)
main.add_command(serve)
main.add_command(sweep)
main.add_command(token)
