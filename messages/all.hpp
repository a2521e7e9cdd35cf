// SPDX-License-Identifier: Apache-2.0
// Every message, for the few places that need all of them (the actor system's configuration, the
// fuzz target). Others include the header of the messages they use.
#pragma once

#include "messages/admin.hpp"
#include "messages/certificates.hpp"
#include "messages/cluster.hpp"
#include "messages/dns.hpp"
#include "messages/health.hpp"
#include "messages/publishing.hpp"
#include "messages/redis.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "messages/team.hpp"
