// SPDX-License-Identifier: Apache-2.0
// Joins what the containers of one provider define.
//
// Replicas carry the same labels: their servers join one service. Two definitions of one name that
// differ are a mistake that nobody can resolve: both go, with an error that shows both places.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/dynamic_config.hpp"

#include <map>
#include <string>
#include <string_view>

namespace stagedoor::configs {

class container_merge {
 public:
  container_merge(std::string_view provider, diagnostics& out) : out_(out) {
    joined_.provider = provider;
  }

  void add(dynamic_config part);
  [[nodiscard]] dynamic_config take();

 private:
  template <class Element>
  struct slot {
    Element element;
    bool conflict = false;  ///< a third, equal definition does not heal it
  };
  template <class Element>
  using slots = std::map<std::string, slot<Element>>;

  template <class Element, class Join>
  void join(slots<Element>& into, Element fresh, std::string_view what, const Join& same);
  template <class Element>
  void release(slots<Element>& from, std::vector<Element>& into);

  diagnostics& out_;
  dynamic_config joined_;
  slots<router> routers_;
  slots<service> services_;
  slots<middleware> middlewares_;
  slots<servers_transport> transports_;
};

}  // namespace stagedoor::configs
