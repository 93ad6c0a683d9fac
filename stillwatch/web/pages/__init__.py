"""The console's pages, a module a subject. Each reads, or does one act and goes on to a page."""
