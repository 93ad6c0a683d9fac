"""Peers: what we tell each other of campaigns, over TAXII, and what is made of what they tell.

What a peer tells is evidence with an origin and an age. It is never a verdict: it says where to
look, and what is found there is judged by the log's own tests.
"""
