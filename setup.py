"""Packages are found, but for the shipped designs, which lie in arch/ so that users of a checkout see them first."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["hwsim*"]), "hwsim.shipped"], package_dir={"hwsim.shipped": "arch"})
