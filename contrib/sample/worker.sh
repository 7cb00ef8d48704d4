#!/bin/bash
# A worker process: one line every few seconds until it is told to end.
trap 'echo "worker: goodbye"; exit 0' TERM
for ((n = 1; ; n++)); do
	echo "worker: tick $n"
	sleep 5 &
	wait $!
done
