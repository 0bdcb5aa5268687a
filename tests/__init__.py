"""Tests mirror src/vitalspan; a package, so that they can share what they build on."""
