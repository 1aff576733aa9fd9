# Whether this machine can hold the lab, told before anything is changed; and the lock.

check_machine() {
  local os=unknown
  [ ${#STATE} -le $MAX_STATE_PATH ] ||
    die "the state path has ${#STATE} characters, at most $MAX_STATE_PATH fit (unix sockets): set LAB_STATE to a shorter one. Now: $STATE"
  [ -r /etc/os-release ] && os=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
  [ "$os" = bookworm ] || die "needs Debian 12 (bookworm), whose packages are OpenStack Zed; this is: $os"
  unshare --net true 2>/dev/null || die "network namespaces cannot be made here (a container needs CAP_SYS_ADMIN, or --privileged)"
  [ -c /dev/net/tun ] || die "/dev/net/tun is missing: userspace OVS needs it (modprobe tun, or give the container --device /dev/net/tun)"
  mkdir -p "$STATE" "$CACHE"
  check_space "$STATE" 600
  [ -z "$(missing_packages)" ] || check_space /usr 1200
  check_owner
}

# check_space DIR MIB
check_space() {
  local free
  free=$(df -Pm "$1" | awk 'NR==2{print $4}')
  [ "$free" -ge "$2" ] || die "$1 has $free MiB free, $2 are needed: make room, or point LAB_STATE and LAB_CACHE elsewhere"
}

# One lab a machine: ports and namespaces have fixed names.
check_owner() {
  local other name
  [ -e "$OWNER" ] || return 0
  other=$(<"$OWNER")
  [ "$other" != "$STATE" ] || return 0
  for name in $(RUN=$other/var/run recorded_daemons); do
    ! RUN=$other/var/run alive "$name" ||
      die "this machine runs the lab of $other already: use that one (LAB_STATE=$other), or end it (LAB_STATE=$other $LAB_HOME/lab down)"
  done
}

# Ports of daemons that do not run must be free.
check_ports() {
  local entry name port who pid
  adopt_epmd
  for entry in keystone:$KEYSTONE_PORT placement:$PLACEMENT_PORT nova-api:$NOVA_PORT neutron:$NEUTRON_PORT glance:$GLANCE_PORT \
    rabbit:$RABBIT_PORT rabbit:$RABBIT_DIST_PORT epmd:$EPMD_PORT memcached:$MEMCACHED_PORT ovsdb-nb:$OVN_NB_PORT ovsdb-sb:$OVN_SB_PORT; do
    name=${entry%:*} port=${entry#*:}
    alive "$name" && continue
    listening "$port" || continue
    kill_sessions "$name"
    require_free "$port" "$name"
  done
}

# require_free PORT NAME: a port without a visible owner is that of a process just ending, for some seconds.
require_free() {
  local who pid end=$((SECONDS + 20))
  while listening "$1"; do
    who='' pid=''
    read -r who pid < <(listener "$1") || true
    if [ -n "$pid" ]; then
      die "port $1 ($2) is taken by $who, pid $pid: $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c1-120)
     stop that (kill $pid) and run 'lab up' again; the lab's ports are fixed"
    fi
    [ "$SECONDS" -lt "$end" ] || die "port $1 ($2) is taken by a process this container or namespace cannot see (ss -ltnp 'sport = :$1')"
    sleep 0.1
  done
}

# take_lock COMMAND: one command that changes the lab at a time; the others wait.
take_lock() {
  [ "$EUID" = 0 ] || die "must run as root: it makes network namespaces and installs packages"
  mkdir -p "$(dirname "$LOCK")"
  exec 9>>"$LOCK"
  if ! flock -n 9; then
    say "waiting for another command on the lab: $(tail -n 1 "$LOCK" 2>/dev/null)"
    flock -w "${LAB_LOCK_LIMIT:-1800}" 9 || die "the lab is still busy with: $(tail -n 1 "$LOCK")"
  fi
  echo "lab $1, pid $$, state $STATE" >"$LOCK"
}
