#!/usr/bin/env bash
# agentflow test, with its exit code: 1 where a test failed, 2 where a file has errors.
set -euo pipefail
: "${TESTS?}" "${JUNIT?}" "${GITHUB_OUTPUT?}"

# Parted at white space. A folder without tests is told, and is no failure.
read -r -d '' -a named < <(printf '%s\0' "$TESTS") || true
tests=()
for path in "${named[@]}"; do
  if [ -d "$path" ] && [ -z "$(find "$path" -name '*.test.y*ml' -not -path '*/.*' -not -path '*/node_modules/*' -print -quit)" ]; then
    echo "::notice title=agentflow::there are no tests in $path: they are called *.test.yaml"
  else
    tests+=("$path")
  fi
done
if [ "${#tests[@]}" -eq 0 ]; then
  exit 0
fi

# Names and outputs of tests are words of a change that nobody has looked at: none is a command to the runner.
token="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
echo "::stop-commands::$token"
code=0
agentflow test --junit "$JUNIT" -- "${tests[@]}" || code=$?
echo "::$token::"
if [ -f "$JUNIT" ]; then
  printf 'junit=%s\n' "$JUNIT" >>"$GITHUB_OUTPUT"
fi
if [ "$code" -eq 1 ]; then
  echo "::error title=agentflow::a test failed; the log of this step says which, and why"
fi
exit "$code"
