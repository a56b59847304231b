"""A real certificate, for CA bundles: self-signed, of nobody, and without its key, which was never kept."""

from typing import Final

CERTIFICATE: Final = """\
-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIUTYT5eQzTLllfGVYikh2oDfGtbJcwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOY2EuZXhhbXBsZS5jb20wIBcNMjYxMTI2MDcwMzU5WhgPMjEy
NjExMDIwNzAzNTlaMBkxFzAVBgNVBAMMDmNhLmV4YW1wbGUuY29tMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEvzbJl+nOyzju24ecLq/hTl4nJZIx0dP49vtb5viX
Fm7OKTElwznyC+lZYR9UOw5A2xl6BTZcw9m0eoflQQ5+tqNTMFEwHQYDVR0OBBYE
FPIj4s2ljQ30UWaRFZiF78m91M3gMB8GA1UdIwQYMBaAFPIj4s2ljQ30UWaRFZiF
78m91M3gMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAP7IlKtQ
AlgP3PJd0DwnlO4pqhiUZr2oJFyQm9Ke2HqLAiEAzXTfYKFWJpmOrdK86l9afR/i
9OabxkirlLPWiOx66sA=
-----END CERTIFICATE-----
"""
"""As PEM, in the form in which it is written again."""
