"""trace.py: would OVN carry a packet from one Neutron port to another? The addresses come from Neutron, the answer from
ovn-trace on the southbound database. See ../README.md for what this takes care of."""
import argparse
import ipaddress
import os
import subprocess
import sys
import time
import urllib.error

import labapi
import ovntrace

STATUS = {ovntrace.DELIVERED: 0, ovntrace.DROPPED: 1, ovntrace.UNRESOLVED: 4, ovntrace.ELSEWHERE: 5}
DID_NOT_RUN = 3
EPILOGUE = '''status: 0 delivered to TO, 1 dropped, 2 wrong usage, 3 the trace did not run, 4 unresolved (nobody answers for the
address or its next hop), 5 delivered to another port'''


class Path:
    """The packet's first leg: from which port, with which addresses, to whom on the network."""

    def __init__(self, cloud, source, target, options):
        self.source, self.target = source, target
        self.destination = ipaddress.ip_address(options.destination_ip or target['fixed_ips'][0]['ip_address'])
        fixed = [f for f in source['fixed_ips'] if ipaddress.ip_address(f['ip_address']).version == self.destination.version]
        if not fixed:
            raise ovntrace.DidNotRun('port %s has no IPv%d address' % (source['id'], self.destination.version))
        self.address = ipaddress.ip_address(options.source_ip or fixed[0]['ip_address'])
        self.forged = options.source_ip is not None or options.source_mac is not None
        self.mac = options.source_mac or source['mac_address']
        self.next_hop, self.next_mac = None, options.destination_mac
        if self.next_mac is None:
            self._find_next_hop(cloud, cloud.get('network', '/subnets/' + fixed[0]['subnet_id'])['subnet'])

    def _find_next_hop(self, cloud, subnet):
        """As the host would: on its own network it speaks to the target itself, else to the gateway of the best route."""
        if self.destination in ipaddress.ip_network(subnet['cidr']):
            self.next_mac = self.target['mac_address']
            return
        routes = [(ipaddress.ip_network(r['destination']), r['nexthop']) for r in subnet['host_routes']]
        routes = [r for r in routes if r[0].version == self.destination.version and self.destination in r[0]]
        if routes:
            self.next_hop = max(routes, key=lambda r: r[0].prefixlen)[1]
        else:
            self.next_hop = subnet['gateway_ip']
        if self.next_hop is None:
            return
        for port in cloud.get('network', '/ports?network_id=%s&fixed_ips=ip_address%%3D%s' % (
                self.source['network_id'], self.next_hop))['ports']:
            self.next_mac = port['mac_address']

    def flow(self, protocol):
        """The packet in ovn-trace's words."""
        family = 'ip%d' % self.destination.version
        kind, _, port = protocol.partition(':')
        if kind == 'icmp':
            match = 'icmp4.type == 8' if self.destination.version == 4 else 'icmp6.type == 128'
        else:
            match = '%s.dst == %d' % (kind, int(port))
        return ' && '.join(['inport == "%s"' % self.source['id'], 'eth.src == ' + self.mac, 'eth.dst == ' + self.next_mac,
                            '%s.src == %s' % (family, self.address), '%s.dst == %s' % (family, self.destination),
                            'ip.ttl == 64', match])


def protocol(text):
    kind, _, port = text.partition(':')
    if text != 'icmp' and not (kind in ('tcp', 'udp') and port.isdigit() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError('icmp, tcp:PORT or udp:PORT')
    return text


def find_port(cloud, ident):
    """A port by its id, or the first port of a server."""
    try:
        return cloud.get('network', '/ports/' + ident)['port']
    except urllib.error.HTTPError as err:
        if err.code != 404:
            raise
    ports = cloud.get('network', '/ports?device_id=' + ident)['ports']
    if not ports:
        raise ovntrace.DidNotRun('there is no port, and no server with a port, of id ' + ident)
    return ports[0]


def run(command, limit):
    """The output of a command; one that fails, or prints nothing in time, did not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=limit)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise ovntrace.DidNotRun(str(err))
    if done.returncode:
        raise ovntrace.DidNotRun(done.stderr.strip() or '%s: status %d' % (command[0], done.returncode))
    return done.stdout


def trace(options, path):
    # What Neutron has said must have arrived in the southbound database first.
    run(['ovn-nbctl', '--db=' + options.northbound, '--timeout=60', '--wait=sb', 'sync'], 90)
    # Without --ct=new once for each ct action, ovn-trace takes every connection for established, and that passes every
    # security group. More than are needed do no harm; two routers need six.
    command = ['ovn-trace', '--db=' + options.southbound, '--no-friendly-names', '--detailed'] + ['--ct=new'] * 16
    text = run(command + ['neutron-' + path.source['network_id'], path.flow(options.protocol)], 60)
    if options.verbose:
        print(text)
    return ovntrace.read(text, path.target['id'])


def resolve(options, path):
    """Trace; while a router lacks the MAC of a next hop, let the server send real packets, which make it ask."""
    verdict = trace(options, path)
    end = time.monotonic() + options.resolve
    while (verdict.outcome == ovntrace.UNRESOLVED and not path.forged and time.monotonic() < end
           and path.source['device_owner'].startswith('compute:')):
        ping = [options.in_server, '-t', '5', path.source['device_id'], 'ping', '-c', '1', '-W', '1', str(path.destination)]
        sent = subprocess.run(ping, capture_output=True, stdin=subprocess.DEVNULL)
        if sent.returncode == 125:   # no such server on this machine
            break
        verdict = trace(options, path)
    return verdict


def tell(verdict):
    if verdict.outcome == ovntrace.UNRESOLVED:
        print('unresolved at %s: no answer for the next hop\'s address (%s)' % (verdict.where, verdict.detail))
    elif verdict.outcome == ovntrace.DROPPED:
        print('dropped at %s (%s)' % (verdict.where, verdict.detail))
    else:
        print('delivered to ' + verdict.where)
    return STATUS[verdict.outcome]


def main():
    options = argparse.ArgumentParser(prog='trace', epilog=EPILOGUE, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('source', metavar='FROM', help='port id, or server id for its first port')
    options.add_argument('target', metavar='TO', help='likewise')
    options.add_argument('protocol', nargs='?', default='icmp', type=protocol, help='icmp (default), tcp:PORT or udp:PORT')
    options.add_argument('--source-ip', type=ipaddress.ip_address, help='forge the source address')
    options.add_argument('--source-mac', help='forge the source MAC')
    options.add_argument('--destination-ip', type=ipaddress.ip_address, help="instead of TO's first address")
    options.add_argument('--destination-mac', help="instead of TO's on the same subnet, or its gateway's")
    options.add_argument('--resolve', type=float, default=20, metavar='SECONDS',
                         help='how long to let FROM send real packets while a next hop is unresolved (20)')
    options.add_argument('-v', '--verbose', action='store_true', help='also print what ovn-trace says')
    for hidden in ('--clouds', '--southbound', '--northbound', '--in-server'):
        options.add_argument(hidden, required=True, help=argparse.SUPPRESS)
    options = options.parse_args()
    try:
        cloud = labapi.Cloud(options.clouds, os.environ.get('OS_CLOUD', 'lab'))
        path = Path(cloud, find_port(cloud, options.source), find_port(cloud, options.target), options)
        if path.next_mac is None:
            print('unresolved at the source: no port of its network holds the next hop %s' % path.next_hop)
            return STATUS[ovntrace.UNRESOLVED]
        return tell(resolve(options, path))
    except (ovntrace.DidNotRun, urllib.error.URLError, OSError) as err:
        print('trace did not run: %s' % err)
        return DID_NOT_RUN


if __name__ == '__main__':
    sys.exit(main())
