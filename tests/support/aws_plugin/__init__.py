"""A stand-in for pulumi-aws's plugin, which these tests can't have: the driver `aws` on the real engine, by boto3.

It serves the seven types that `ambient_components.components.aws_bucket` declares, and carries them to whatever store
the provider's `endpoints` name. What the real plugin would be given is pinned by tests/program/test_aws_bucket.py.

What it does not show: pulumi-aws's own checks and defaults, its waiting for AWS to become consistent, its retries, the
S3 Control API that it reads tags by since 7.13, and anything else of pulumi-aws's behaviour. It proves that our program
runs as a whole: the order, what is protected, kept and replaced, what a failure leaves, and what a store makes of it.
"""
