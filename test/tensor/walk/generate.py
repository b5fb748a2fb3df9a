"""Writes cases.json with PyTorch: /usr/bin/python3 test/tensor/walk/generate.py"""

import helpers
import operations  # noqa: F401
import networks  # noqa: F401

helpers.save()
