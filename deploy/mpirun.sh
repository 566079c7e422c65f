#!/usr/bin/env bash
# An evaluation on several machines by Open MPI, one process for each part of the photos:
#   deploy/mpirun.sh -n 8 --hostfile hosts -- evaluate run --images /data/images --out /data/run --measures degradation-8 --methods per-sample,random
# What stands before -- is for mpirun. /data is shared by the machines. The processes do not talk to each other: Open MPI only starts them and tells
# each its part. When it has ended: iba evaluate merge /data/run --out /data/joined
set -euo pipefail
launch=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    launch+=("$1")
    shift
done
[ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
shift
exec mpirun "${launch[@]}" "${IBA:-iba}" "$@" --shard auto
