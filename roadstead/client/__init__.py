"""`roadstead push` and `roadstead pull`: a client of the registry that needs its login only.

names      HOST/NAME:TAG
errors     refusals as sentences
login      name and password, from the command line or from docker's own file
http       requests with retries, challenges answered
sources    what is pushed: an OCI layout, a `docker save` tar, another registry
memory     what a broken push leaves for the next try
blobs      one blob's way in
push pull  images
progress   bars on a terminal, lines elsewhere
"""
