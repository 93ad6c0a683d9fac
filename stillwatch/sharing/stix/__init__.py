"""STIX 2.1: tellings as bundles (`bundle`), and what a bundle says read back (`reading`)."""
