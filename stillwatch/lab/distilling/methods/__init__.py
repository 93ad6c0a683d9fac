"""How a student learns: from answers, from logits, from what it says itself, from the best of k."""
