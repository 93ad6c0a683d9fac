"""Sharing: what may be told to peers of a confirmed campaign, and the formats that they read.

From the log comes who carries what (`carriers`), of that what may be told and why the rest may not
(`selection`), and of that one `Telling`: the only value that any format is written from. A field
that a telling doesn't have can't leave.
"""
