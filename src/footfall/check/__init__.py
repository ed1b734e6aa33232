"""What a person should know about a site's configuration: what is wrong or risky, and what is stored of visitors."""

from __future__ import annotations

from footfall.check.findings import SEVERITIES, Finding, Severity, check_engine, check_site
from footfall.check.record import Stored, describe_gpc, format_record, privacy_record

__all__ = [
    "SEVERITIES",
    "Finding",
    "Severity",
    "Stored",
    "check_engine",
    "check_site",
    "describe_gpc",
    "format_record",
    "privacy_record",
]
