"""Usage on a person's machine: the meter beside `roadstead up`, and `roadstead usage`."""
