"""Policy: findings and cases to decisions, by a file that people can read."""
