"""Served forms: what a customer, honest or not, gets under a countermeasure."""
