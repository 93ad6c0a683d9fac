"""Profiles and objects to candidate groups: finders whose finds are judged later."""
