"""What a run may be about: a task of the lab, short texts to put into JSON, one's own prompts."""
