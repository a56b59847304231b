"""Warm processes: one interpreter imports everything once and forks the Python processes of all engines of a command.

An ordinary engine starts three Python interpreters: Pulumi's language host, the program, and the ambient plugin. Their
imports take more time than their work for a small stack. `ambient` starts one fork server instead (`server`). The
plugin hands itself over to it (`client.hand_over`), and `language` is a language host that has its programs forked.

Only the engine's own ``--client`` option is used. Every part falls back to an ordinary start.
"""
