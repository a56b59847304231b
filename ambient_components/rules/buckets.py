"""Buckets: who makes them, what becomes of them, and what can be said of which."""

from enum import StrEnum


class BucketDriver(StrEnum):
    """Who makes a bucket and its credentials."""

    S3 = "s3"
    """This tool, in the stack's object store, by S3's API and one of two for credentials."""

    AWS = "aws"
    """pulumi-aws, for AWS itself and stores that are just like it."""

    EXISTING = "existing"
    """Others: it is used by reference."""


class OnDelete(StrEnum):
    """What becomes of a bucket that leaves the stack with its workspace."""

    KEEP = "keep"
    """It stays, with all that is in it."""

    DELETE = "delete"
    """It is deleted, if it is empty."""


class Encryption(StrEnum):
    """How the store encrypts what lies in a bucket; S3's words."""

    AES256 = "AES256"
    """With keys of the store's own."""

    KMS = "aws:kms"
    """With a key of a key management service."""
