"""Operators: what somebody who wants the skill makes of what is served."""
