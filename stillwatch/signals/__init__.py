"""Exchanges to signals: pure functions of Arrow record batches."""
