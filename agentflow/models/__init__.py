"""Model clients: a request goes out, a whole reply or a failure comes back.

In: a Request. Out: a Reply, or ModelError. Touches: the network, through the client's library.
"""
