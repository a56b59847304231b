"""The client side of our own resources: what a program declares. The plugin in `provider/` carries it out."""

from ambient_components.resources.access_ledger import AccessLedger, AccessLedgerArgs
from ambient_components.resources.access_token import AccessToken, AccessTokenArgs
from ambient_components.resources.provider import Provider, ProviderArgs

__all__ = ["AccessLedger", "AccessLedgerArgs", "AccessToken", "AccessTokenArgs", "Provider", "ProviderArgs"]
