# Daemons, known by record. $RUN/NAME.pid holds "PID STARTTIME": a recycled pid is not ours and a zombie is not alive.
# Every daemon leads a session of its own and writes to $LOG/NAME.log; both together tell which processes belong to it.

LOCK_FD=9   # never handed to a daemon, or the lock would live as long as it does

# stat_fields PID: sets STAT to the fields of /proc/PID/stat from the state on: 0 state, 3 session, 19 start time.
stat_fields() {
  local stat
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  read -r -a STAT <<<"${stat##*) }"
}

# starttime PID: when the process was started (clock ticks since boot); fails for none and for a zombie.
starttime() {
  local STAT
  stat_fields "$1" && [ "${STAT[0]}" != Z ] && echo "${STAT[19]}"
}

# daemon_pid NAME: its pid, if it is alive.
daemon_pid() {
  local pid born
  read -r pid born 2>/dev/null <"$RUN/$1.pid" || return 1
  [ -n "$born" ] && [ "$(starttime "$pid")" = "$born" ] && echo "$pid"
}

alive() { daemon_pid "$1" >/dev/null; }

recorded_daemons() {
  local f
  for f in "$RUN"/*.pid; do
    [ ! -e "$f" ] || basename "$f" .pid
  done
}

# session_members NAME...: processes of these daemons' sessions, whether or not the leader still lives (a killed
# rabbitmq-server script leaves its beam behind). Proof of membership: the session, and output going to the daemon's log.
session_members() {
  local name pid born p out STAT
  local -A owner=()
  for name in "$@"; do
    read -r pid born 2>/dev/null <"$RUN/$name.pid" || continue
    stat_fields "$pid" && [ "${STAT[19]}" != "$born" ] && continue   # the number belongs to someone else now
    owner[$pid]=$name
  done
  [ ${#owner[@]} -gt 0 ] || return 0
  for p in /proc/[0-9]*; do
    stat_fields "${p#/proc/}" && [ "${STAT[0]}" != Z ] || continue
    name=${owner[${STAT[3]}]:-}
    [ -n "$name" ] || continue
    if [ -n "${owner[${p#/proc/}]:-}" ]; then   # the leader: it counts until it is gone, it may still be forking
      echo "${p#/proc/}"
      continue
    fi
    for out in 1 2; do
      if [ "$(readlink "$p/fd/$out" 2>/dev/null)" = "$LOG/$name.log" ]; then
        echo "${p#/proc/}"
        break
      fi
    done
  done
}

# kill_sessions NAME...: KILL to all of them until a look finds none: what is just starting something else may do so
# between the look and the kill. Their ports are free when this returns.
kill_sessions() {
  local members end=$((SECONDS + 30))
  while
    mapfile -t members < <(session_members "$@")
    [ ${#members[@]} -gt 0 ]
  do
    kill -KILL "${members[@]}" 2>/dev/null || true
    [ "$SECONDS" -lt "$end" ] || die "processes ${members[*]} of $* do not end even on KILL"
    sleep 0.02
  done
}

# launch NAME COMMAND...: start it detached unless it runs. No proxy of the caller's: everything is on loopback.
launch() {
  local name=$1 i
  shift
  alive "$name" && return 0
  kill_sessions "$name"
  rm -f "$RUN/$name.pid"
  if [ -s "$LOG/$name.log" ] && [ "$(stat -c %s "$LOG/$name.log")" -gt 50000000 ]; then mv "$LOG/$name.log" "$LOG/$name.log.1"; fi
  env -u http_proxy -u https_proxy -u all_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY \
    setsid --fork bash -c '
      record=$1; shift
      stat=$(</proc/$$/stat); fields=(${stat##*) })
      echo "$$ ${fields[19]}" >"$record.new" && mv "$record.new" "$record"
      exec "$@"' lab-launch "$RUN/$name.pid" "$@" >>"$LOG/$name.log" 2>&1 </dev/null 9>&-
  for ((i = 0; i < 1500; i++)); do
    [ ! -s "$RUN/$name.pid" ] || break
    sleep 0.02
  done
  [ -s "$RUN/$name.pid" ] || die_log "$LOG/$name.log" "$name could not be started: $1"
}

# await SECONDS NAME|- WHAT CONDITION...: until the condition holds; fails at once when daemon NAME is gone.
await() {
  local limit=$1 name=$2 what=$3 end
  shift 3
  end=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    if [ "$name" = - ]; then
      [ "$SECONDS" -lt "$end" ] || die "no $what within $limit s"
    else
      alive "$name" || die_log "$LOG/$name.log" "$name ended before there was $what"
      [ "$SECONDS" -lt "$end" ] || die_log "$LOG/$name.log" "no $what within $limit s ($name still runs)"
    fi
    sleep 0.1
  done
}

none_alive() {
  local name
  for name in "$@"; do
    ! alive "$name" || return 1
  done
}

# stop_daemons GRACE NAME...: TERM to all, KILL to what is left of them after GRACE seconds; with 0, KILL at once.
stop_daemons() {
  local grace=$1 name pid end
  shift
  for name in "$@"; do
    [ "$grace" != 0 ] || break
    pid=$(daemon_pid "$name") && kill -TERM "$pid" 2>/dev/null || true
  done
  end=$((SECONDS + grace))
  until none_alive "$@" || [ "$SECONDS" -ge "$end" ]; do sleep 0.05; done
  for name in "$@"; do
    pid=$(daemon_pid "$name") && kill -KILL "$pid" 2>/dev/null || true
  done
  kill_sessions "$@"
  end=$((SECONDS + 30))
  until none_alive "$@"; do
    [ "$SECONDS" -lt "$end" ] || die "some of these do not end even on KILL: $*"
    sleep 0.05
  done
  for name in "$@"; do rm -f "$RUN/$name.pid"; done
}

# listener PORT: "NAME PID" of who listens on this TCP port of loopback or every address.
listener() {
  ss -ltnpH "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 \2/p;T;q'
}
listening() { [ -n "$(ss -ltnH "sport = :$1" 2>/dev/null)" ]; }
