"""Strict readers: YAML files that operators write, with the place of every value, and JSON that strangers send."""

from registrar.documents.jsontext import JSONError, read_json
from registrar.documents.tree import Document, format_path
from registrar.documents.yamltext import read_yaml

__all__ = ["Document", "JSONError", "format_path", "read_json", "read_yaml"]
