"""What a run would do, as facts for reviewers. Pure: from ledgers, a state and the engine's preview.

All pages of `ambient plan` are rendered from this one form: text, Markdown for a change request, and JSON.
"""
