#!/usr/bin/env bash
# An evaluation on several machines by Open MPI, one process for each part of the photos:
#   deploy/mpirun.sh -n 8 --hostfile hosts -- evaluate run --images /data/images --out /data/run --measures degradation-8 --methods per-sample,random
# What stands before -- is for mpirun. /data is shared by the machines. The processes do not talk to each other: Open MPI only starts them and tells
# each its part. When it has ended: iba evaluate merge /data/run --out /data/joined
# A process that ends with an error, such as for a photo that cannot be read, does not end the others: iba evaluate summary says how many photos there are.
set -euo pipefail
launch=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    launch+=("$1")
    shift
done
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
shift
# Open MPI would stop all processes when one of them has failed.
export OMPI_MCA_orte_abort_on_non_zero_status=0
exec mpirun "${launch[@]}" "${IBA:-iba}" "$@" --shard auto
