"""`registrar policy matrix`."""

from pathlib import Path

import click

from registrar.cli.checkout import find_checkout
from registrar.cli.exits import BROKEN_TREE, leave
from registrar.cli.policy.tree import directory
from registrar.cli.reports import visible
from registrar.errors import LoadError
from registrar.policy import PolicySet, load
from registrar.review.matrix import html_page, markdown
from registrar.review.outline import outline
from registrar.schema import Schema

_RENDERERS = {"markdown": markdown, "html": html_page}


@click.command()
@directory
@click.option("--format", "style", type=click.Choice(list(_RENDERERS)), default="markdown", show_default=True)
def matrix(directory: Path, style: str) -> None:
    """Print the tree in DIR (the shipped one, if none is given) as one table, for a review.

    Exits 0, or 3 when the tree does not load.
    """
    text = _RENDERERS[style](outline(_load(directory)), _checkout_words(directory))
    # Marks that turn text around, or rewrite a terminal's lines, must not deceive whoever reads a review.
    click.echo("\n".join(map(visible, text.split("\n"))), nl=False)


def _load(directory: Path) -> PolicySet:
    try:
        return load(directory, Schema.load("policy"))
    except LoadError as error:
        leave(BROKEN_TREE, f"the policy tree {directory} does not load:", error.problems)


def _checkout_words(directory: Path) -> str:
    checkout = find_checkout(directory)
    if not checkout.commit:
        return ""
    return f"git {checkout.commit}{' with changes that are not committed' if checkout.dirty else ''}"
