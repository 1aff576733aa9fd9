"""Cases for ovntrace, in ovn-trace 23.03's own words, shortened."""
import unittest

import ovntrace

FLOW = '# tcp,reg14=0x2,dl_src=fa:16:3e:d3:28:8c,nw_src=10.71.1.87,nw_dst=10.71.2.221,nw_ttl=64,tp_dst=7000\n\n'
INGRESS = '''ingress(dp="net-a", inport="port-a")
------------------------------------
 0. ls_in_check_port_sec (northd.c:8432): 1, priority 50, uuid 8f456223
    reg0[15] = check_in_port_sec();
    next;
25. ls_in_l2_lkup (northd.c:9193): eth.dst == fa:16:3e:33:66:30, priority 50, uuid 8a70c472
    outport = "router";
    output;

egress(dp="net-a", inport="port-a", outport="router")
-----------------------------------------------------
 9. ls_out_apply_port_sec (northd.c:5777): 1, priority 0, uuid 7a95fb88
    output;
    /* output to "router", type "patch" */

'''
EGRESS = '''egress(dp="net-b", inport="router", outport="port-b")
----------------------------------------------------
 4. ls_out_acl (northd.c:6445): reg0[7] == 1 && (outport == @pg_1 && ip4 && tcp && tcp.dst == 7000), priority 2002, uuid 2ede7184
    reg0[1] = 1;
    next;
 9. ls_out_apply_port_sec (northd.c:5777): 1, priority 0, uuid 7a95fb88
    output;
    /* output to "port-b", type "" */
'''
ACL_DROP = '''egress(dp="net-b", inport="router", outport="port-b")
----------------------------------------------------
 4. ls_out_acl (northd.c:6543): reg0[9] == 1 && (outport == @neutron_pg_drop && ip), priority 2001, uuid f0ef73d7
    drop;
'''
ARP = '''ingress(dp="router", inport="lrp-a")
------------------------------------
17. lr_in_arp_resolve (northd.c:12250): ip4, priority 1, uuid 35d3d975
    get_arp(outport, reg0);
    /* No MAC binding. */
    next;
21. lr_in_arp_request (northd.c:12929): eth.dst == 00:00:00:00:00:00 && ip4, priority 100, uuid eccec568
    arp { eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = reg1; arp.tpa = reg0; arp.op = 1; output; };

arp
---
    eth.dst = ff:ff:ff:ff:ff:ff;
    output;

multicast(dp="net-b", mcgroup="_MC_flood_l2")
---------------------------------------------

    egress(dp="net-b", inport="router", outport="port-b")
    -----------------------------------------------------
         9. ls_out_apply_port_sec (northd.c:5777): 1, priority 0, uuid 7a95fb88
            output;
            /* output to "port-b", type "" */
'''
TTL = '''ingress(dp="router", inport="lrp-a")
------------------------------------
 3. lr_in_ip_input (northd.c:1): ip.ttl == {0, 1}, priority 30, uuid 1
    icmp4 { icmp4.type = 11; next; };

icmp4
-----
    next;

egress(dp="net-a", inport="router", outport="port-a")
-----------------------------------------------------
 9. ls_out_apply_port_sec (northd.c:5777): 1, priority 0, uuid 7a95fb88
    output;
    /* output to "port-a", type "" */
'''


class Read(unittest.TestCase):
    def outcome(self, text, port='port-b'):
        verdict = ovntrace.read(text, port)
        return verdict.outcome, verdict.where

    def test_delivered(self):
        self.assertEqual(self.outcome(FLOW + INGRESS + EGRESS), ('delivered', 'port-b'))

    def test_delivered_to_someone_else(self):
        self.assertEqual(self.outcome(FLOW + INGRESS + EGRESS, 'port-c'), ('elsewhere', 'port-b'))

    def test_dropped_by_the_security_group(self):
        self.assertEqual(self.outcome(FLOW + INGRESS + ACL_DROP), ('dropped', 'ls_out_acl'))

    def test_dropped_without_a_matching_row(self):
        text = FLOW + 'ingress(dp="r", inport="p")\n---\n 5. lr_in_defrag: no match (implicit drop)\n'
        self.assertEqual(self.outcome(text), ('dropped', 'lr_in_defrag'))

    def test_dropped_because_it_would_go_back(self):
        text = FLOW + INGRESS.replace('output to "router", type "patch"', 'omitting output because inport == outport')
        self.assertEqual(self.outcome(text), ('dropped', 'ls_out_apply_port_sec'))

    def test_the_flooded_arp_request_is_no_delivery(self):
        self.assertEqual(self.outcome(FLOW + INGRESS + ARP), ('unresolved', 'lr_in_arp_request'))

    def test_an_icmp_error_to_the_sender_is_a_drop(self):
        self.assertEqual(self.outcome(FLOW + INGRESS + TTL, 'port-a'), ('dropped', 'lr_in_ip_input'))

    def test_a_patch_port_is_no_delivery(self):
        self.assertNotRun(FLOW + INGRESS, 'router')

    def test_what_did_not_run(self):
        self.assertNotRun('')
        self.assertNotRun("error parsing flow: Syntax error at `bogus' expecting field name.\n")
        self.assertNotRun('unknown datapath "nonet"\n')
        self.assertNotRun(FLOW)
        self.assertNotRun(INGRESS + ACL_DROP)
        self.assertNotRun(FLOW + 'ingress(dp="net-a", inport="port-a")\n---\n')

    def assertNotRun(self, text, port='port-b'):
        with self.assertRaises(ovntrace.DidNotRun):
            ovntrace.read(text, port)


if __name__ == '__main__':
    unittest.main()
