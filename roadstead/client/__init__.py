"""`roadstead push` and `roadstead pull`: a client of the registry that needs its login only.

cli commands          the command line, and what it does
names errors          HOST/NAME:TAG; refusals as sentences
login challenge http  whose login, what a 401 asks for, requests that outwait faults
image sources         what an image is made of; an OCI layout, a `docker save` tar, a registry
memory                what a broken push leaves for the next try
door blobs sending    a repository, a blob's way into it, the way past the functions
push pull layouts     whole images, there and back
stream progress       bodies that are gone on with; bars on a terminal, lines elsewhere
workers               threads that Ctrl-C need not wait for
"""
