"""The web application of a team: who may come in, what they see and what they may do."""
