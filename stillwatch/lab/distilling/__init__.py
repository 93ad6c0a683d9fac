"""Distilling: a student learns from a teacher's answers, or from its logits; a card says how."""
