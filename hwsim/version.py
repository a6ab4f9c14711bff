"""Which hwsim this is: reports say so, and so does the package."""

VERSION = "0.1.0"
