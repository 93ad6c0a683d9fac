"""Thin adapters of measures with logits; each imports its own sampler, when it is imported."""
