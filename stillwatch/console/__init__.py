"""The web page: one run's findings, told to somebody who never saw the project."""

from stillwatch.console.page import page, write_page

__all__ = ["page", "write_page"]
