"""OAuth 2.0 Dynamic Client Registration, decided by policies in YAML and CEL.

`registrar.open` makes it a part of a Python program; `registrar serve` serves it over HTTP.
"""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registrar.embedded import Embedded
    from registrar.settings import Settings

__version__ = "0.2.0"


def open(settings: "Settings | str | PathLike[str] | Mapping[str, object] | None" = None) -> "Embedded":  # noqa: A001
    """A registrar in this process, for authorization servers in Python.

    ```python
    with registrar.open("registrar.yaml") as clients:
        client = clients.get_client(client_id)
    ```

    `settings` are the path of a settings file, which REGISTRAR_* variables go before as they do for `registrar serve`; or a
    mapping with the keys of such a file; or Settings. None: REGISTRAR_CONFIG and the other variables alone.

    Raises `registrar.settings.SettingsError`, `registrar.errors.LoadError` for a policy tree that does not load, what
    `registrar.store.Store.open` raises for a database that cannot be used, and OSError.
    """
    from registrar.embedded import open_embedded  # noqa: PLC0415  # importing the package costs next to nothing

    return open_embedded(settings)
