"""Watermark schemes: pseudo-random functions, and the score of a token under a key."""
