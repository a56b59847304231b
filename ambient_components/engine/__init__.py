"""Pulumi's formats, each read into typed values in one place: names, type tokens, states, previews, events and locks.

All of it is pure except `command`, the only module that starts `pulumi`.
"""
