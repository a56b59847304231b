"""Pulumi's formats: names, type tokens, states, previews, events and locks, each read into typed values in one place.

All of it is pure but `command`, the only module that starts `pulumi`.
"""
