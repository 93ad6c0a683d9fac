"""Signals to profiles: what an account's exchanges add up to, and what accounts share."""
