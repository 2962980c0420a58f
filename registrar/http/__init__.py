"""The HTTP door: Falcon resources, a strict body reader, one error mapping. It decides nothing about clients."""

from registrar.http.cors import Cors
from registrar.http.discovery import Discovery, issuer_path, well_known_paths
from registrar.http.failures import install_error_handlers
from registrar.http.health import Liveness, Readiness
from registrar.http.management import ClientConfiguration
from registrar.http.registration import Registrations
from registrar.http.security import SecurityHeaders
from registrar.http.source import SourceReader
from registrar.http.trace import RequestLog

__all__ = [
    "ClientConfiguration",
    "Cors",
    "Discovery",
    "Liveness",
    "Readiness",
    "Registrations",
    "RequestLog",
    "SecurityHeaders",
    "SourceReader",
    "install_error_handlers",
    "issuer_path",
    "well_known_paths",
]
