"""Stillwatch finds the campaigns that distil a model through its API."""
