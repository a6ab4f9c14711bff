"""What people see: tables on a terminal, pages and pictures."""

from hwsim.later import exports

__getattr__ = exports(__name__, {}, ("plots",))
