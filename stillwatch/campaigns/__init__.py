"""Groups to campaigns: tests against outsiders, rivals, members, attributed exchanges."""
