"""`registrar policy schema`."""

import click

from registrar.bundled import bundled


@click.command()
def schema() -> None:
    """Print the JSON Schema of policy documents, for editors: one for all kinds, Draft 2020-12."""
    click.echo(read_schema(), nl=False)


def read_schema() -> bytes:
    """The schema file of policy documents, as it ships."""
    return (bundled("schemas") / "policy.schema.json").read_bytes()
