"""The console: pages and a JSON API over findings and cases, for people who sign in."""
