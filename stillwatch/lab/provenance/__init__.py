"""Provenance tests: was a suspect model trained on text that we served, with a p-value.

Token ids go in, a signed report comes out. A trial is registered before it is run (`commitment`),
runs everything that was registered on the suspect, on innocent models and under a thousand wrong
keys (`trial`), and is told in words with what else would explain it (`report`).

    binding         what a trial is made on, by digest or by rule
    runs            the ledger of runs
    schemes/        which pairs of context and token a watermark tells apart, and what they score
    texts           token ids in
    predictions     what a suspect holds likely, as guesses
    scoring         which guesses are evidence: de-duplication, exclusion
    tails           how far out a total is
    controls        wrong keys, Holm
    canary_rank, membership
"""
