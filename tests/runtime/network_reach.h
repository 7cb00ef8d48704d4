#pragma once

/*
 * network_reach.h - tests of who reaches whom, as cmocka calls them.
 */
void host_reaches_a_dyno(void **state);
void dyno_goes_out_under_the_hosts_address(void **state);
void nobody_comes_in_from_outside(void **state);
void addresses_of_the_host_are_out_of_reach(void **state);
void loopback_of_the_host_is_out_of_reach(void **state);
void metadata_service_is_out_of_reach(void **state);
void what_is_allowed_is_reached_though_it_is_the_hosts(void **state);
void dynos_reach_no_more_than_their_egress_says(void **state);
void connections_of_a_dyno_are_bounded(void **state);
void dynos_do_not_reach_each_other(void **state);
void frames_do_not_reach_another_dyno(void **state);
void forged_frames_do_not_reach_the_host(void **state);
void other_source_addresses_are_dropped(void **state);
void other_hardware_addresses_are_dropped(void **state);
void there_is_no_ipv6_on_eth0(void **state);
