"""Buckets and their access keys."""
