# What the lab says. Progress and errors go to stderr: stdout is for answers (env, api, status).

say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

# die_log FILE MESSAGE: the message, then the end of the log that explains it.
die_log() {
  local file=$1
  shift
  printf 'lab: %s\n' "$*" >&2
  if [ -s "$file" ]; then
    printf '%s\n' "--- last lines of $file" >&2
    tail -n 25 "$file" >&2
  else
    printf '%s\n' "--- $file is empty" >&2
  fi
  exit 1
}
