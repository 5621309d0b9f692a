"""`roadstead migrate`: everything of another registry, by one command that may be repeated.

cli command      the command line; repositories side by side, the report
choice places    which repositories and tags, by which names; what SOURCE stands for
lists hub        what a registry lists, in pages that end; what Docker Hub lists of a namespace
limits           pull limits, outwaited aloud
sharing          a layer that several repositories have is sent once, and mounted after that
images v1        a tag of a v2 registry with all that belongs to it; a v1 tag with its ancestors
tally            what was moved, what was there, what failed
"""
