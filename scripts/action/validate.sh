#!/usr/bin/env bash
# agentflow validate, with its exit code: 2 where a file has errors, with STRICT also where it has warnings.
set -euo pipefail
: "${FILES?}" "${STRICT?}" "${FORMAT?}" "${OUTPUT?}"

# Parted at white space; patterns are filled in by agentflow.
read -r -d '' -a named < <(printf '%s\0' "$FILES") || true
if [ "${#named[@]}" -eq 0 ]; then
  echo "::error title=agentflow::\`files\` is empty; name files, folders or patterns"
  exit 2
fi
options=(--output-format "$FORMAT")
case "$STRICT" in
  true) options+=(--strict) ;;
  false | "") ;;
  *)
    echo "::error title=agentflow::\`strict\` is true or false"
    exit 2
    ;;
esac

if [ -n "$OUTPUT" ]; then
  agentflow validate "${options[@]}" -- "${named[@]}" >"$OUTPUT"
elif [ "$FORMAT" = github ]; then
  agentflow validate "${options[@]}" -- "${named[@]}"
else
  # Whatever stands in a file is no command to the runner.
  token="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  echo "::stop-commands::$token"
  code=0
  agentflow validate "${options[@]}" -- "${named[@]}" || code=$?
  echo "::$token::"
  exit "$code"
fi
