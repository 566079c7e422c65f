#!/usr/bin/env bash
# An evaluation as a Slurm job array, one task for each part of the photos:
#   sbatch --array=1-8 deploy/slurm-array.sh evaluate run --images /data/images --out /data/run --measures degradation-8 --methods per-sample,random
# /data is shared by the nodes. A task that is killed, preempted or requeued continues where it stopped. When all tasks have ended, on any machine:
#   iba evaluate merge /data/run --out /data/joined && iba evaluate summary /data/joined
# IBA names the program if it is not on the nodes' PATH: sbatch --export=ALL,IBA=/opt/iba/iba ...
#SBATCH --job-name=iba-evaluate
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A-%a.log
set -euo pipefail
# In place of the shell, so that Slurm's signals reach it.
exec "${IBA:-iba}" "$@" --shard auto
