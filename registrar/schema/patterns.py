"""Regular expressions as the schemas mean them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# In ECMA-262, which JSON Schema's patterns follow, `$` is the very end; in Python also the place before a last line break.
_LAST_DOLLAR = re.compile(r"(?<!\\)((?:\\\\)*)\$\Z")


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern` as a regular expression whose final `$` is the very end of the text."""
    return re.compile(_LAST_DOLLAR.sub(r"\1\\Z", pattern))


def unknown_names(instance: Mapping[str, object], schema: Mapping[str, Any]) -> list[str]:
    """The keys of `instance` that neither `properties` nor `patternProperties` of `schema` name."""
    known = schema.get("properties", {})
    patterns = [compiled(pattern) for pattern in schema.get("patternProperties", {})]
    return [name for name in instance if name not in known and not any(pattern.search(name) for pattern in patterns)]
