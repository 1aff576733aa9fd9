# The data plane: each hypervisor cmpN is a network namespace lab-cmpN with its own ovsdb-server, ovs-vswitchd (userspace
# datapath: no kernel module) and ovn-controller; geneve runs over veths to a bridge in namespace lab-u.

UNDERLAY=lab-u

tunnel_ip() { echo "172.31.255.${1#cmp}"; }

# make_ns NAME: a namespace, recorded with its inode: what is not on record is not ours to delete.
make_ns() {
  if [ -e "/run/netns/$1" ]; then
    own_ns "$1" || die "namespace $1 exists and this lab did not make it: remove it (ip netns del $1), or stop the lab it belongs to"
    return 0
  fi
  ip netns add "$1"
  stat -c %i "/run/netns/$1" >"$VAR/netns/$1"
  ip -n "$1" link set lo up
}

own_ns() {
  local inode
  read -r inode 2>/dev/null <"$VAR/netns/$1" && [ "$(stat -c %i "/run/netns/$1" 2>/dev/null)" = "$inode" ]
}

drop_ns() {
  ! own_ns "$1" || ip netns del "$1"
  rm -f "$VAR/netns/$1"
}

drop_all_ns() {
  local f
  for f in "$VAR"/netns/*; do
    [ ! -e "$f" ] || drop_ns "$(basename "$f")"
  done
}

make_underlay() {
  make_ns $UNDERLAY
  ip -n $UNDERLAY link show br0 >/dev/null 2>&1 || ip -n $UNDERLAY link add br0 type bridge
  ip -n $UNDERLAY link set br0 up
}

# plug_underlay HOST: the hypervisor's cable. OVS in userspace needs checksums computed, hence "tx off".
plug_underlay() {
  local ns=lab-$1 far=u${1#cmp}
  own_ns "$ns" || rm -f "$RUN/hv/$1/conf.db"   # a new namespace is a new machine: no ports of the one before
  make_ns "$ns"
  if ! ip -n "$ns" link show u0 >/dev/null 2>&1; then
    ip -n "$ns" link add u0 type veth peer name "$far" netns $UNDERLAY
    ip netns exec "$ns" ethtool -K u0 tx off >/dev/null 2>&1 || true
  fi
  ip -n $UNDERLAY link set "$far" master br0 up
  ip -n "$ns" link set u0 up
}

# start_switch HOST. br-phy's MAC is fixed per host: the others cache it as tunnel neighbour, also when a host is removed
# and added again.
start_switch() {
  local host=$1 ns=lab-$1 dir=$RUN/hv/$1 vsctl
  mkdir -p "$dir"
  start_ovsdb "hv-$host-ovsdb" "$dir/conf.db" /usr/share/openvswitch/vswitch.ovsschema "$dir/db.sock" "$dir/ovsdb.ctl"
  vsctl="ovs-vsctl --db=unix:$dir/db.sock --no-wait --timeout=60"
  $vsctl init
  $vsctl set open . external_ids:system-id="$host" external_ids:hostname="$host" \
    external_ids:ovn-remote="unix:$OVN_SB_SOCKET" external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip="$(tunnel_ip "$host")" \
    external_ids:ovn-openflow-probe-interval=60 external_ids:ovn-remote-probe-interval=60000 \
    external_ids:ovn-bridge-datapath-type=netdev other_config:n-handler-threads=1 other_config:n-revalidator-threads=1
  $vsctl -- --may-exist add-br br-int -- set bridge br-int datapath_type=netdev fail_mode=secure \
    -- --may-exist add-br br-phy -- set bridge br-phy datapath_type=netdev other_config:hwaddr="$(printf '02:1a:b0:00:00:%02x' "${host#cmp}")" \
    -- --may-exist add-port br-phy u0
  alive "hv-$host-vswitchd" || rm -f "$dir/vswitchd.ctl" "$dir"/br-*.mgmt
  OVS_RUNDIR=$dir launch "hv-$host-vswitchd" ip netns exec "$ns" ovs-vswitchd "unix:$dir/db.sock" --disable-system \
    --unixctl="$dir/vswitchd.ctl" -vconsole:warn -vfile:off -vsyslog:off
}

start_controller() {
  local host=$1 ns=lab-$1 dir=$RUN/hv/$1
  await "$START_LIMIT" "hv-$host-vswitchd" "a bridge br-phy on $host" ip -n "$ns" link show br-phy
  await "$START_LIMIT" "hv-$host-vswitchd" "a bridge br-int on $host" test -S "$dir/br-int.mgmt"
  ip -n "$ns" addr replace "$(tunnel_ip "$host")/24" dev br-phy
  ip -n "$ns" link set br-phy up
  OVS_RUNDIR=$dir OVN_RUNDIR=$dir launch "hv-$host-controller" ip netns exec "$ns" ovn-controller "unix:$dir/db.sock" \
    -vconsole:warn -vfile:off -vsyslog:off
}

# start_hosts_network HOST...: step by step over all hosts, so that they start side by side.
start_hosts_network() {
  local step host
  make_underlay
  for step in plug_underlay start_switch start_controller; do
    for host in "$@"; do $step "$host"; done
  done
}
