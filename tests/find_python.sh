#!/bin/sh
# Print the path of a Python, as python3.6 on the path or as pyenv has it; 1 if there is none.
# Usage: find_python.sh VERSION
if "python$1" --version >/dev/null 2>&1; then
  command -v "python$1"
  exit 0
fi
for found in "$HOME"/.pyenv/versions/"$1".*/bin/python; do
  [ -x "$found" ] && echo "$found" && exit 0
done
exit 1
