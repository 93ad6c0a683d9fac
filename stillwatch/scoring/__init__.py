"""Scoring: findings against labels."""

from stillwatch.scoring.matching import Match, Matching, match_campaigns
from stillwatch.scoring.score import Rate, RoleRate, Score, score

__all__ = ["Match", "Matching", "Rate", "RoleRate", "Score", "match_campaigns", "score"]
