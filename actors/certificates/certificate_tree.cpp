// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/certificate_tree.hpp"

#include "actors/certificates/acme_account.hpp"
#include "actors/certificates/acme_order.hpp"
#include "actors/certificates/certificate_keeper.hpp"
#include "actors/supervision/plans.hpp"
#include "runtime/base/ascii.hpp"

#include <memory>
#include <stdexcept>

namespace stagedoor::actors {
namespace {

using supervision::child_context;

supervision::listed_child account(const node_parts& parts,
                                  const configs::certificate_resolver& resolver) {
  return supervision::worker(
      resolver.name, [&parts, &resolver](shell& parent, const child_context&) {
        auto key = account_key(account_folder(parts.config->node, resolver.name));
        if (!key)
          throw std::runtime_error(
              to_string(key.error()));  // a failed start: tried again, with backoff
        return parent.spawn<acme_account>(parts, resolver, *std::move(key));
      });
}

supervision::supervisor_plan orders_plan(const node_parts& parts) {
  auto plan = supervision::plan_of("acme_orders");
  // An order ends by itself and is never restarted: the keeper decides when to try again.
  plan.options.dynamic.restart = supervision::restart_type::temporary;
  plan.on_notice = nullptr;
  plan.make_dynamic = [&parts](shell& parent, const child_context& context) {
    const auto mark = context.id.rfind('#');  // see order_id()
    const auto host = context.id.substr(0, mark);
    const auto number = ascii::parse_number<std::uint64_t>(context.id.substr(mark + 1)).value_or(0);
    const auto* resolver = parts.config->edge.find_resolver(context.argument);
    if (resolver == nullptr) throw std::runtime_error("no such resolver: " + context.argument);
    const auto account_key_of = account_key(account_folder(parts.config->node, resolver->name));
    auto certificate_key = acme::private_key::create(acme::key_type::ec256);
    if (!account_key_of) throw std::runtime_error(to_string(account_key_of.error()));
    if (!certificate_key) throw std::runtime_error(to_string(certificate_key.error()));
    return parent.spawn<acme_order>(
        parts,
        acme_order_options{host, number, resolver->name, resolver->ca_server, resolver->profile,
                           account_key_of->thumbprint(), *std::move(certificate_key)});
  };
  return plan;
}

}  // namespace

supervision::supervisor_plan certificates_plan(const node_parts& parts) {
  auto accounts = supervision::plan_of("acme_accounts");
  accounts.options.budget = {100, seconds(300)};  // a CA's trouble must not reach the root
  for (const auto& resolver : parts.config->edge.resolvers)
    if (resolver.http_challenge) accounts.children.push_back(account(parts, resolver));
  auto plan = supervision::plan_of("certificates");
  plan.children.push_back(
      supervision::named("accounts", supervision::subtree(std::move(accounts))));
  plan.children.push_back(supervision::named("orders", supervision::subtree(orders_plan(parts))));
  const auto memory = std::make_shared<certificate_memory>(parts.config->edge);
  plan.children.push_back(supervision::worker(
      "certificate_keeper", [&parts, memory](shell& parent, const child_context&) {
        return parent.spawn<certificate_keeper>(parts, memory);
      }));
  return plan;
}

}  // namespace stagedoor::actors
