"""Tokens of API keys: mint, deliver, rotate, revoke."""
