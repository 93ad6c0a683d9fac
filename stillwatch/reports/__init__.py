"""Reports of a case, in Markdown, HTML and PDF: to publish, or to answer an account's appeal."""

from stillwatch.reports.disclosure import report
from stillwatch.reports.document import Document
from stillwatch.reports.html import as_html
from stillwatch.reports.markdown import as_markdown
from stillwatch.reports.pdf import as_pdf
from stillwatch.reports.review import whole_history
from stillwatch.reports.samples import Sample, Samples, read_samples

__all__ = [
    "Document",
    "Sample",
    "Samples",
    "as_html",
    "as_markdown",
    "as_pdf",
    "read_samples",
    "report",
    "whole_history",
]
