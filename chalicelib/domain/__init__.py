"""Pure rules of the registry: values in, values out; stdlib only, no clock, no I/O, no logging."""
