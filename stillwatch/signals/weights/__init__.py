"""Weights that are shipped: what scripts of the repository trained, and nothing of what on."""
