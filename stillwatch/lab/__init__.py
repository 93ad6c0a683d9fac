"""The lab: teachers and students, countermeasures tried on them, and provenance tests (torch).

Nothing here is imported by what `pip install stillwatch` runs; `lab` is an extra.
"""
