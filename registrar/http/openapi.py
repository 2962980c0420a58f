"""/openapi.json: what an app offers, as an OpenAPI 3.1 document."""

import json
from collections.abc import Collection
from typing import Any, Final, Literal

import falcon

from registrar.bundled import bundled
from registrar.http.answers import encode
from registrar.http.discovery import issuer_path

_KEPT: Final = "public, max-age=60"
_SUPERVISION: Final = ("/healthz", "/readyz", "/openapi.json")  # these stand at the root, whatever path the issuer has
_FILE_MEMBERS: Final = ("$schema", "$id")  # what makes a schema a document of its own


class Description:
    """A document of `schemas/`, with the schemas that it refers to in it.

    `servers` of the public app is the issuer, as every URL that it names; of the private one it is wherever that was asked.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._body = encode(document)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """200."""
        resp.data = self._body
        resp.content_type = falcon.MEDIA_JSON
        resp.set_header("Cache-Control", _KEPT)

    on_head = on_get


def public_description(issuer: str, *, without: Collection[str] = ()) -> Description:
    """The public app of `issuer`, whose paths `without` are not served."""
    document = _read("public")
    document["servers"] = [{"url": issuer.rstrip("/")}]
    path = issuer_path(issuer)
    if path:
        for name in _SUPERVISION:
            document["paths"][name]["servers"] = [{"url": issuer.rstrip("/").removesuffix(path)}]
    for name in without:
        del document["paths"][name]
    return Description(document)


def private_description() -> Description:
    """The private app."""
    return Description(_read("private"))


def _read(name: Literal["public", "private"]) -> dict[str, Any]:
    document = _load(f"{name}.openapi.json")
    schemas = document["components"]["schemas"]
    for schema, content in schemas.items():
        file = content.get("$ref", "")
        if file.endswith(".schema.json"):
            schemas[schema] = {member: value for member, value in _load(file).items() if member not in _FILE_MEMBERS}
    return document


def _load(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((bundled("schemas") / file).read_text(encoding="utf-8"))
    return loaded
