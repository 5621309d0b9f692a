"""`roadstead proxy`: the gateway on a user's own machine, before a registry that has none.

The same streams as the gateway's; only the way to the API differs: HTTP in place of a call.
"""
