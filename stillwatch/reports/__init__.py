"""Reports of a case, in Markdown, HTML and PDF: to publish, or to answer an account's appeal."""

from stillwatch.reports.appeal import appeal_pack
from stillwatch.reports.disclosure import report
from stillwatch.reports.document import Document
from stillwatch.reports.html import as_html
from stillwatch.reports.markdown import as_markdown
from stillwatch.reports.pdf import as_pdf
from stillwatch.reports.review import campaigns_of, whole_history
from stillwatch.reports.samples import (
    Sample,
    Samples,
    ids_of_account,
    ids_of_frames,
    read_samples,
)

__all__ = [
    "Document",
    "Sample",
    "Samples",
    "appeal_pack",
    "as_html",
    "as_markdown",
    "as_pdf",
    "campaigns_of",
    "ids_of_account",
    "ids_of_frames",
    "read_samples",
    "report",
    "whole_history",
]
