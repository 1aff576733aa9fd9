"""Reading what "ovn-trace --detailed" prints: what became of the packet.

The reading is strict, because a careless one passes every negative check: a trace that did not run, or that ended in an ARP
request, contains no delivery either. read() raises DidNotRun unless the text shows the packet and a pipeline and ends in
something it knows.
"""
import collections
import re

DELIVERED, DROPPED, ELSEWHERE, UNRESOLVED = 'delivered', 'dropped', 'elsewhere', 'unresolved'

# where: the port for deliveries, the stage for the rest
Verdict = collections.namedtuple('Verdict', 'outcome where detail')

FLOW = re.compile(r'^# \S*(ip|icmp|tcp|udp)', re.M)
PIPELINE = re.compile(r'^ingress\(dp=', re.M)
STAGE = re.compile(r'^\s*\d+\. (\w+)(?: \([^)]*\))?: (.*)$', re.M)
OUTPUT = re.compile(r'/\* output to "([^"]*)", type "([^"]*)" \*/')
# From such a line on, the trace follows a packet that OVN made up itself, not ours.
MADE_UP = re.compile(r'^\s*(arp|nd_ns|icmp4|icmp6|icmp4_error|icmp6_error|tcp_reset|sctp_abort|reject)\n\s*-+$', re.M)
END = re.compile(r'^\s*drop;|implicit drop|no match|omitting output because', re.M)


class DidNotRun(Exception):
    """There is no trace to read. The message is the beginning of what there is instead."""

    def __init__(self, text):
        super().__init__(text.strip()[:300] or 'no output')


def read(text, port):
    """What became of a packet that was meant for port."""
    if not FLOW.search(text) or not PIPELINE.search(text):
        raise DidNotRun(text)
    ours = text
    made_up = MADE_UP.search(text)
    if made_up:
        ours = text[:made_up.start()]
    # A patch port leads from a switch to a router or back: the packet is still on its way.
    arrivals = [name for name, kind in OUTPUT.findall(ours) if kind != 'patch']
    stages = STAGE.findall(ours)
    if not stages:
        raise DidNotRun(text)
    stage, match = stages[-1]
    match = match.split(', uuid')[0]
    if port in arrivals:
        return Verdict(DELIVERED, port, match)
    if made_up and made_up.group(1) in ('arp', 'nd_ns'):
        return Verdict(UNRESOLVED, stage, match)
    if arrivals:
        return Verdict(ELSEWHERE, arrivals[0], match)
    last = ours[list(STAGE.finditer(ours))[-1].start():]
    if made_up or END.search(last):
        return Verdict(DROPPED, stage, match)
    raise DidNotRun('it ends in neither an output nor a drop: ' + last)
