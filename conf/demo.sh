#!/bin/sh
# The demonstration of `make demo`: load a sample log into an embedded database, show the reports.
# Usage: demo.sh BIN_DIRECTORY SCRATCH_DIRECTORY
# Where it goes: nowhere, it runs from here. It writes into the scratch directory only.
# What to change: nothing.
set -eu
bin=$1
scratch=$2
conf=$(dirname "$0")
rm -rf "$scratch"
mkdir -p "$scratch"
printf '[SQLITE]\nDB = %s\n' usage.db > "$scratch/lmodV2_db.conf"
chmod 600 "$scratch/lmodV2_db.conf"

show() {
  printf '\n$ %s\n' "$*"
  command=$1
  shift
  HPCUSAGE_CONF=$scratch/lmodV2_db.conf "$bin/$command" "$@" || {
    # 3: some lines were rejected, as meant; usage_status then says 1.
    status=$?
    [ "$status" -eq 3 ] || [ "$command" = usage_status ]
  }
}

show store_module_data -v --reject "$scratch/rejected.jsonl" "$conf/sample-moduleUsage.log"
show analyzeLmodDB counts --sqlPattern '%fftw%' --start 2026-01-01 --end 2026-02-01
show analyzeLmodDB usernames --sqlPattern '%/fftw2/%'
show analyzeLmodDB modules_used_by --sqlPattern beaver --start 2026-01-01 --end 2026-01-15
show analyzeLmodDB trend --sqlPattern '%python%' --period week --chart
show usage_status
