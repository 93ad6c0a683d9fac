"""Teachers: who answers prompts, and, where its weights are here, says how likely each token is."""
