"""Gateways in: one file a kind, two pure functions each: what is asked, and how it is told."""
