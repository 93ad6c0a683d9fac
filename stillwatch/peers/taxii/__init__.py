"""TAXII 2.1, as peers speak it with us: what is asked, and what is answered.

The standard: https://docs.oasis-open.org/cti/taxii/v2.1/os/taxii-v2.1-os.html
"""
