#!/usr/bin/env bash
# Installs agentflow into an environment of its own, and puts its command on the PATH of the steps that follow.
set -euo pipefail
: "${RUNNER_TEMP?}" "${GITHUB_PATH?}" "${GITHUB_ACTION_PATH?}"

if ! command -v python3 >/dev/null || ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "::error title=agentflow::Python 3.11 or later is needed; put actions/setup-python before this action"
  exit 2
fi
venv="$RUNNER_TEMP/agentflow"
python3 -m venv "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install "${PACKAGE:-$GITHUB_ACTION_PATH}"
# The command alone: the environment's `python` and `pip` stay out of the way of the job's own.
mkdir -p "$venv/command"
ln -sf "$venv/bin/agentflow" "$venv/command/agentflow"
echo "$venv/command" >>"$GITHUB_PATH"
"$venv/command/agentflow" --version
