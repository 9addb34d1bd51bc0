#!/usr/bin/env python3
import sys

sys.path.append(sys.path[0] + "/..")  # a bare clone works too
from xaltload.find_command import main

main()
