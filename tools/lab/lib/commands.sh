# The commands of lab.

CENTRAL="mariadb memcached epmd rabbit ovsdb-nb ovsdb-sb northd"
SERVICES="keystone placement glance neutron novad nova-api nova-conductor nova-scheduler"

expected_daemons() {
  local host
  printf '%s\n' $CENTRAL $SERVICES
  for host in $(hosts); do
    printf '%s\n' "hv-$host-ovsdb" "hv-$host-vswitchd" "hv-$host-controller" "nova-compute-$host"
  done
}

# The first daemon that should run and does not; fails when all do.
first_dead() {
  local name
  for name in $(expected_daemons); do
    alive "$name" || { echo "$name"; return 0; }
  done
  return 1
}

cmd_up() {
  local tries=3 dead
  check_machine
  install_packages
  unpack_scripts
  check_ports
  write_config
  settle_hosts
  echo "$STATE" >"$OWNER"
  [ -z "${LAB_GUEST+set}" ] || set_guest "$LAB_GUEST"
  bring_up
  # a daemon that was told to end just before may have looked alive above
  while dead=$(first_dead); do
    [ $((tries--)) -gt 0 ] || die_log "$LOG/$dead.log" "$dead does not stay up"
    say "$dead has ended meanwhile: once more"
    bring_up
  done
  say "lab is up: $(hosts | wc -l) hypervisors; eval \"\$($LAB_HOME/lab env)\" to use it"
}

bring_up() {
  local host hosts
  mapfile -t hosts < <(hosts)
  ensure_seeded
  start_mariadb
  start_memcached
  start_rabbit
  start_keystone
  start_novad
  start_ovn
  start_hosts_network "${hosts[@]}"
  await_mariadb
  start_placement
  start_neutron
  start_glance
  await_rabbit
  await_http keystone "$KEYSTONE_PORT"
  say "mariadb, rabbitmq, keystone, OVN and ${#hosts[@]} switches answer"
  for host in "${hosts[@]}"; do write_host_config "$host"; done
  await_novad
  start_nova api conductor scheduler
  await_http placement "$PLACEMENT_PORT"
  await_http glance "$GLANCE_PORT"
  await_http neutron "$NEUTRON_PORT"
  await_http nova-api "$NOVA_PORT"
  await_nova conductor scheduler
  start_nova "${hosts[@]/#/compute:}"
  await_hosts "${hosts[@]}"
  await_servers
}

# cmd_down [GRACE]: everything on record, the stores last.
cmd_down() {
  local grace=${1:-2} name first=() last=()
  [ -d "$RUN" ] || { say "lab is down"; return 0; }
  adopt_epmd
  stop_guests
  for name in $(recorded_daemons); do
    case $name in
      mariadb | rabbit | epmd | memcached | ovsdb-* | keycloak-postgres) last+=("$name") ;;
      *) first+=("$name") ;;
    esac
  done
  stop_daemons "$grace" "${first[@]}"
  stop_daemons $((grace * 30)) "${last[@]}"
  drop_all_ns
  [ "$(cat "$OWNER" 2>/dev/null)" != "$STATE" ] || rm -f "$OWNER"
  say "lab is down"
}

stop_guests() {
  local pidfile pids=() pid
  for pidfile in "$VAR"/servers/*/pid; do
    [ -e "$pidfile" ] || continue
    LAB_GUEST_GRACE=2 "$LAB_HOME/nova/guest" stop "$(basename "$(dirname "$pidfile")")" 9>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || true; done
}

cmd_reset() {
  cmd_down 0
  rm -rf --one-file-system "$VAR"
  cmd_up
}

cmd_purge() {
  cmd_down 0
  rm -rf --one-file-system "$VAR"
  rm -f "$CLOUDS" "$INSTALL_LOG"
  rmdir "$STATE" 2>/dev/null || true
  say "state removed; packages and $CACHE are kept"
}

cmd_status() {
  local name pid down=0
  [ -e "$VAR/hosts" ] || { echo "no lab in $STATE"; return 3; }
  for name in $(expected_daemons); do
    if pid=$(daemon_pid "$name"); then
      printf '%-24s up    pid %s\n' "$name" "$pid"
    else
      printf '%-24s DOWN  log %s\n' "$name" "$LOG/$name.log"
      down=$((down + 1))
    fi
  done
  if [ "${1:-}" = --memory ]; then "$PYTHON" "$LAB_HOME/lib/memory.py" "$RUN"; fi
  [ "$down" = 0 ] || { echo "$down down: 'lab up' starts them"; return 3; }
}

cmd_env() {
  first_dead >/dev/null && printf 'lab: not everything is up, see lab status\n' >&2
  printf 'export %s=%q\n' LAB_STATE "$STATE" OS_CLIENT_CONFIG_FILE "$CLOUDS" OS_CLOUD lab \
    OVN_NB "unix:$OVN_NB_SOCKET" OVN_SB "unix:$OVN_SB_SOCKET"
}

# set_guest PROGRAM|"": what runs in every server started from now on.
set_guest() {
  local program=
  if [ -n "$1" ]; then
    program=$(readlink -f "$1") && [ -x "$program" ] || die "no such program: $1"
  fi
  echo "$program" >"$ETC/guest"
  echo "${LAB_GUEST_FS:-}" >"$ETC/guest-fs"
}

cmd_guest() {
  [ -d "$ETC" ] || die "there is no lab in $STATE: run 'lab up' first"
  if [ $# -eq 0 ]; then cat "$ETC/guest" 2>/dev/null || true; else set_guest "${1#none}"; fi
}

cmd_hypervisor() {
  local verb=${1:-list} host=${2:-} name
  [ -e "$VAR/hosts" ] || die "there is no lab in $STATE: run 'lab up' first"
  [ "$verb" = list ] || valid_host "$host"
  case $verb in
    list) hypervisor_list ;;
    add | remove)
      for name in $CENTRAL $SERVICES; do alive "$name" || die "$name is down: run 'lab up' first"; done
      unpack_scripts
      "hypervisor_$verb" "$host"
      ;;
    fail) hypervisor_fail "$host" ;;
    *) die "hypervisor add|remove|fail cmpN, or hypervisor list" ;;
  esac
}

# Until every hypervisor has done what Neutron was told so far: for checks with real packets after a change.
cmd_settle() {
  alive ovsdb-nb || die "the lab is down: run 'lab up' first"
  nbctl --wait=hv sync
}

cmd_api() {
  [ $# -ge 3 ] || die "api METHOD SERVICE PATH [JSON], e.g. api GET compute /os-services"
  "$PYTHON" "$LAB_HOME/lib/labapi.py" "$CLOUDS" "${OS_CLOUD:-lab}" "$@"
}
