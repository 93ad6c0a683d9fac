"""Growth: a judgement's findings with what was added since, table by table.

Nothing old is read again but the tables themselves: counts and sums are added to, times widened,
and rows of new members and accounts put in. What the judgement said of a campaign as a whole (its
evidence, its links), and of accounts that stay what they were, is kept.
"""
