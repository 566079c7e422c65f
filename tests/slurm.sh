#!/usr/bin/env bash
# A real Slurm on this machine runs deploy/slurm-array.sh: three tasks, one of which is killed and requeued. The joined ledger must be that of a single
# process, byte for byte. Needs root, slurm-wlm and munge (Debian's packages), and no Slurm that runs already.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export IBA=${IBA_PROGRAM:-$root/iba/cli/bin/Release/net10.0/iba} CUDA_VISIBLE_DEVICES=-1
for program in munged slurmctld slurmd sbatch; do
    command -v "$program" > /dev/null || { echo "$program is not there: apt-get install slurm-wlm munge" >&2; exit 2; }
done
work=$(mktemp -d)
chmod 755 "$work"
export SLURM_CONF=$work/slurm.conf IBA_CACHE=$work/cache
stop() {
    pkill -F "$work/slurmd.pid" 2> /dev/null || true
    pkill -F "$work/slurmctld.pid" 2> /dev/null || true
    [ -z "${munge:-}" ] || kill "$munge" 2> /dev/null || true
    [ "${KEEP:-0}" = 1 ] && echo "kept: $work" || rm -rf "$work"
}
trap stop EXIT

[ -s /etc/munge/munge.key ] || { dd if=/dev/urandom of=/etc/munge/munge.key bs=1k count=1 status=none; chown munge: /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
mkdir -p /run/munge && chown munge: /run/munge
if ! munge -n > /dev/null 2>&1; then
    runuser -u munge -- munged --foreground > "$work/munge.log" 2>&1 &
    munge=$!
    until munge -n > /dev/null 2>&1; do sleep 0.2; done
fi
cat > "$SLURM_CONF" << END
ClusterName=one
SlurmctldHost=$(hostname -s)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName=$(hostname -s) CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
mkdir -p "$work/state" "$work/spool"
slurmctld
slurmd
until sinfo -h -o %t | grep -q idle; do sleep 0.5; done

cd "$work"
"$IBA" dataset shapes --out shapes --seed 6 --count 24 2> /dev/null
arguments=(evaluate run --images shapes/images --annotations shapes/annotations --measures "boxes,degradation-14" --methods "gradient,random" --batch 1)
job=$(sbatch --parsable --array=5-9:2 --cpus-per-task=1 --chdir="$work" "$root/deploy/slurm-array.sh" "${arguments[@]}" --out run)

# The second part is killed when it has written something, and requeued by hand.
until [ "$(cat run/ledger-2-of-3.jsonl 2> /dev/null | wc -l)" -gt 8 ]; do sleep 0.1; done
pkill -KILL --newest -f "evaluate run.*--shard auto" || true
scontrol requeue "${job}_7" 2> /dev/null || true
while [ -n "$(squeue -h -j "$job")" ]; do sleep 1; done
# A task that died of its signal before it could be requeued has failed for Slurm: it is submitted again.
"$IBA" evaluate merge run --out joined
if [ "$("$IBA" evaluate summary joined 2>&1 > /dev/null | grep -c "24 of 24")" = 0 ]; then
    job=$(sbatch --parsable --array=5-9:2 --cpus-per-task=1 --chdir="$work" "$root/deploy/slurm-array.sh" "${arguments[@]}" --out run)
    while [ -n "$(squeue -h -j "$job")" ]; do sleep 1; done
    rm -r joined
    "$IBA" evaluate merge run --out joined
fi
"$IBA" "${arguments[@]}" --out single > /dev/null 2>&1
"$IBA" evaluate merge single --out sorted
ls run
cmp joined/ledger.jsonl sorted/ledger.jsonl
echo "$(wc -l < joined/ledger.jsonl) lines: the joined ledger of three Slurm tasks, one of them killed, is that of one process"
