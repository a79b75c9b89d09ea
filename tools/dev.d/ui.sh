# Output of tools/dev: live progress on a terminal, one line per finished step in a pipe, the log's end on failure.
# Sourced by tools/dev.

log_dir=build/log
started_at=$SECONDS

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
else
  bold='' green='' red='' yellow='' plain=''
fi

say() { printf '%s\n' "$*"; }
warn() { printf '%s%s%s\n' "$yellow" "$*" "$plain" >&2; }
die() {
  printf '%stools/dev: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

on_terminal() { [ -t 1 ]; }

# duration SECONDS -> "12 s" or "3 min 05 s"
duration() {
  if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# step NAME COMMAND...: runs the command as a named step. Returns the command's status.
step() {
  local name=$1 log status=0 begin=$SECONDS
  shift
  mkdir -p "$log_dir"
  log=$log_dir/$(printf '%s' "$name" | tr -c 'A-Za-z0-9_-' '_').log
  if on_terminal; then
    printf '%s==> %s%s\n' "$bold" "$name" "$plain"
    "$@" || status=$?
  else
    "$@" >"$log" 2>&1 || status=$?
  fi
  if [ "$status" -eq 0 ]; then
    printf '%s ok %s %s (%s)\n' "$green" "$plain" "$name" "$(duration $((SECONDS - begin)))"
  else
    printf '%sFAIL%s %s (%s, status %d)\n' "$red" "$plain" "$name" "$(duration $((SECONDS - begin)))" "$status"
    if ! on_terminal; then
      tail -n 150 "$log" | sed 's/^/     /'
      printf '     whole log: %s\n' "$log"
    fi
  fi
  return "$status"
}
