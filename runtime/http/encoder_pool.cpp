// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/encoder_pool.hpp"

#include "runtime/http/encoders.hpp"

namespace stagedoor::http {

class encoder_pool::leased final : public body_filter {
 public:
  leased(encoder_pool& pool, coding c, std::unique_ptr<encoder> e) noexcept
      : pool_(pool), coding_(c), encoder_(std::move(e)) {}
  ~leased() override { pool_.give_back(coding_, std::move(encoder_)); }
  leased(const leased&) = delete;
  leased& operator=(const leased&) = delete;

  progress transform(std::string_view in, std::span<char> out, filter_mode mode) override {
    return encoder_->transform(in, out, mode);
  }

 private:
  encoder_pool& pool_;
  coding coding_;
  std::unique_ptr<encoder> encoder_;
};

std::unique_ptr<body_filter> encoder_pool::lease(coding c) {
  if (in_use_ == max_encoders) return nullptr;
  auto& spare = spare_[static_cast<std::size_t>(c)];
  std::unique_ptr<encoder> e;
  if (!spare.empty()) {
    e = std::move(spare.back());
    spare.pop_back();
  } else {
    e = make_encoder(c);
  }
  if (e == nullptr) return nullptr;
  ++in_use_;
  return std::make_unique<leased>(*this, c, std::move(e));
}

void encoder_pool::give_back(coding c, std::unique_ptr<encoder> e) noexcept {
  --in_use_;
  auto& spare = spare_[static_cast<std::size_t>(c)];
  if (spare.size() < max_spare_encoders && e->reset()) spare.push_back(std::move(e));
}

}  // namespace stagedoor::http
