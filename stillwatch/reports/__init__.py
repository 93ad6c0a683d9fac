"""What leaves the house about a case: the report for the public, and what an account is told.

A document is built once and written as Markdown, HTML or PDF, so that the three say the same.
"""

from __future__ import annotations

from stillwatch.reports.appeal import appeal_pack
from stillwatch.reports.disclosure import report
from stillwatch.reports.document import Document
from stillwatch.reports.figures import Figure, recompute
from stillwatch.reports.html import as_html
from stillwatch.reports.markdown import as_markdown
from stillwatch.reports.pdf import as_pdf
from stillwatch.reports.samples import Sample, Samples, read_samples

__all__ = [
    "Document",
    "Figure",
    "Sample",
    "Samples",
    "appeal_pack",
    "as_html",
    "as_markdown",
    "as_pdf",
    "read_samples",
    "recompute",
    "report",
]
