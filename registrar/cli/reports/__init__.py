"""Reports of commands on policy trees, in the formats that people and continuous integrations read."""

from registrar.cli.reports.output import Format, broken, emit, format_option, load_or_report
from registrar.cli.reports.report import TEST_FAILED, Case, Level, Notice, Report, Suite, visible

__all__ = [
    "TEST_FAILED",
    "Case",
    "Format",
    "Level",
    "Notice",
    "Report",
    "Suite",
    "broken",
    "emit",
    "format_option",
    "load_or_report",
    "visible",
]
