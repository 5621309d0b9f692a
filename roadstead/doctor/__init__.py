"""`roadstead doctor`: a deployment looked at from outside, as a user, with no AWS credentials."""
