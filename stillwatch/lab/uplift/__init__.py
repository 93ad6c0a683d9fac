"""What a countermeasure is worth: the skill that students keep under it, and what it costs."""
