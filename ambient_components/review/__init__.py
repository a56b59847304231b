"""The page of a review: who has access, what it leads to, when keys end, what changed. Pure, except for `making`."""
