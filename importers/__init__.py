"""Readers that turn what a person drops on the page into documents."""
