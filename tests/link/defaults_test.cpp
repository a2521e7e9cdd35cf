// SPDX-License-Identifier: Apache-2.0
// The figures that operators read are the ones that hold where nobody says otherwise.
#include "configs/defaults.hpp"

#include "runtime/link/link_dialer.hpp"
#include "runtime/link/link_listener.hpp"
#include "runtime/tls/authority.hpp"

#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

TEST(link_defaults, are_the_named_figures) {
  const link_limits limits;
  EXPECT_EQ(limits.handshake_deadline, defaults::link_handshake_deadline);
  EXPECT_EQ(limits.ping_interval, defaults::link_ping_interval);
  EXPECT_EQ(limits.silence_deadline, defaults::link_silence_deadline);
  EXPECT_EQ(limits.frame_bytes, defaults::link_frame_bytes);
  EXPECT_EQ(limits.window_bytes, defaults::link_window_bytes);
  EXPECT_EQ(limits.out_bytes, defaults::link_out_bytes);
  EXPECT_EQ(limits.basp_payload_bytes, defaults::basp_payload_bytes);
  EXPECT_EQ(tunnel::drain_deadline, defaults::link_drain_deadline);
  const link_dialer_options dialer;
  EXPECT_EQ(dialer.first_pause, defaults::link_first_pause);
  EXPECT_EQ(dialer.longest_pause, defaults::link_longest_pause);
  const link_listener_options listener;
  EXPECT_EQ(listener.links, defaults::links);
  EXPECT_EQ(listener.admission.strangers, defaults::link_strangers);
  EXPECT_EQ(listener.admission.strangers_per_source, defaults::link_strangers_per_source);
  EXPECT_EQ(listener.admission.sources, defaults::link_sources);
  EXPECT_EQ(listener.admission.accepts.rate, defaults::link_accepts_per_second);
  EXPECT_EQ(listener.admission.failures.rate, defaults::link_failures_per_second);
  EXPECT_EQ(listener.admission.accepts.burst, defaults::link_accepts_burst);
  EXPECT_EQ(listener.admission.failures.burst, defaults::link_failures_burst);
  EXPECT_EQ(log_limit::interval, defaults::link_log_interval);
  EXPECT_EQ(credential_watch::interval, defaults::link_certificate_look);
  EXPECT_EQ(tls::authority_lifetime, defaults::cluster_authority_lifetime);
  EXPECT_EQ(tls::node_certificate_lifetime, defaults::node_certificate_lifetime);
}

}  // namespace
}  // namespace stagedoor::link
