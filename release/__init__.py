"""`make release`: build what a release consists of, from the last commit."""
