# One effect, counted outside of the project: a line of its label and its idempotency key, on the disk when this ends.
# A file `cut` outside names an effect at which the runner is to be killed, and whether before or after that line.
set -eu
label=$2

cut_off() {
  if [ -f ../cut ] && [ "$(cat ../cut)" = "$1 $label" ]; then
    mv ../cut ../was_cut
    kill -s KILL "$PPID"
    sleep 30 # until what the runner leaves behind is killed
  fi
}

cut_off before
printf '%s %s\n' "$label" "$AGENTFLOW_IDEMPOTENCY_KEY" >>../effects
sync -d ../effects 2>/dev/null || sync # not every system's takes a file
cut_off after
printf 'done: %s\n' "$label"
