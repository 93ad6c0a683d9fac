"""Known work: telling, within a new account's first requests, that they are a live campaign's.

What a judgement learnt of a campaign's common work (`campaigns.precedent`) is asked of each request
as a gateway sees it (`view`, `told`); how often it says yes to the campaign's own accounts and to
everybody else's (`learn`) makes a test that may be looked at after every request (`evidence`).
"""
